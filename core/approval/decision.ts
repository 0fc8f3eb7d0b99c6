import type { Answer, Decision } from './approval.ts'
import type { AskedOf } from './ask.ts'
import type { ApprovalDefault } from './policy.ts'

/**
 * What an answer means to the engine. A refusal always carries words, because one without ends the turn; and
 * a question that nobody answers is answered so, for the same reason.
 */
export function decisionOf(ask: AskedOf, { answer, text, answers }: Answer, who = 'The operator'): Decision {
  if (ask.kind === 'PERMISSION') {
    if (answer === 'allow_once' || answer === 'allow_always')
      return { reply: 'once', message: '', answers: [] }
    const message = answer === 'deny' ? [`${who} denied this.`, text ?? ''].join(' ').trim() : (text ?? '')
    return { reply: 'reject', message, answers: [] }
  }
  const { questions } = ask.asked
  if (answer === 'reply' && answers) return { reply: 'answer', message: '', answers }
  const said = answer === 'reply' ? text : `${who} does not answer this. ${text ?? 'Decide by yourself.'}`
  return { reply: 'answer', message: '', answers: questions.map(() => [said ?? '']) }
}

/** The policy's own yes: permission once, and of each question the first option. */
export function allowed(ask: AskedOf): Decision {
  if (ask.kind === 'PERMISSION') return { reply: 'once', message: '', answers: [] }
  const answers = ask.asked.questions.map(({ options }) => [options[0]?.label ?? 'Decide by yourself.'])
  return { reply: 'answer', message: '', answers }
}

export function denied(ask: AskedOf): Decision {
  return decisionOf(ask, { answer: 'deny' }, "The session's policy")
}

/** What an ask takes that nobody answered in time. */
export function byDefault(ask: AskedOf, fallback: ApprovalDefault): Decision {
  if (fallback === 'allow') return allowed(ask)
  if (fallback === 'deny')
    return decisionOf(ask, { answer: 'deny', text: 'Nobody answered in time.' }, "The session's policy")
  return decisionOf(ask, { answer: 'reply', text: fallback.reply })
}
