import type { Approval, ApprovalAnswer } from '../../../api/types.ts'

export type Question = Extract<Approval, { kind: 'QUESTION' }>['asked']['questions'][number]
/** What a person has chosen of a question's options, and written besides. */
export type Choice = { chosen: readonly string[]; own: string }

export const noChoice: Choice = { chosen: [], own: '' }

/** The choice after an option was pressed: of one that takes several it is added or taken away. */
export function choose({ multiple }: Question, choice: Choice, label: string): Choice {
  if (!multiple) return { chosen: [label], own: '' }
  const chosen = choice.chosen.includes(label)
    ? choice.chosen.filter((one) => one !== label)
    : [...choice.chosen, label]
  return { ...choice, chosen }
}

/** What is written takes the place of the one option, or stands beside several. */
export function write({ multiple }: Question, choice: Choice, own: string): Choice {
  return { chosen: multiple || own === '' ? choice.chosen : [], own }
}

/** The reply to all questions; null while one of them has none. */
export function replyOf(choices: readonly Choice[]): ApprovalAnswer | null {
  const answers = choices.map(({ chosen, own }) => [...chosen, ...(own.trim() === '' ? [] : [own.trim()])])
  return answers.every(({ length }) => length > 0) ? { answer: 'reply', answers } : null
}

/** What happens when nobody answers in time, in words. */
export function defaultWords(fallback: Approval['default']) {
  if (fallback === 'allow') return 'it is allowed'
  return fallback === 'deny' ? 'it is denied' : `the answer is “${fallback.reply}”`
}
