import type { Conversation, Turn } from '../conversation.ts'
import type { Kit } from '../kit.ts'
import type { Knobs, Step } from '../step.ts'

/** What a script is made of: the conversation so far, the tools at hand, and the knobs that hold for it. */
export type Scene = { talk: Conversation; kit: Kit; knobs: Knobs }

export type Script = Step[]

const stepIn = /_s(\d+)(?:r(\d+))?_\d+$/
const interrupted = /^\[?Tool execution (?:was interrupted|aborted)|User aborted the command/
const mostRepeats = 3

type Position = { step: number; repeat: number }

/**
 * Which step is next. Our tool call ids name the step they belong to; a step that was interrupted is
 * repeated, a few times at most. An answer without tools counts when it came whole.
 */
export function positionIn(script: Script, { turns, prefix, start }: Conversation): Position {
  let position: Position = { step: start, repeat: 0 }
  for (const turn of turns) {
    const own = turn.calls.flatMap(({ id }) => (id.startsWith(prefix) ? [stepIn.exec(id)] : []))
    const [, step, repeat = '0'] = own.find((match) => match !== null) ?? []
    if (step !== undefined) {
      const again = turn.calls.some(({ result }) => interrupted.test(result ?? '')) && +repeat < mostRepeats
      position = again ? { step: +step, repeat: +repeat + 1 } : { step: +step + 1, repeat: 0 }
    } else if (turn.calls.length === 0 && isWhole(script[position.step], turn)) {
      position = { step: position.step + 1, repeat: 0 }
    }
  }
  return position
}

const isWhole = (step: Step | undefined, { text }: Turn) =>
  step !== undefined && (step.tools ?? []).length === 0 && (step.text ?? '').trim() === text.trim()

/** The step at a position; past the end its last words again, so that a turn always ends. */
export function stepAt(script: Script, at: number): Step {
  const step = script[at]
  if (step) return step
  const last = script.at(-1)
  return last && (last.tools ?? []).length === 0 ? last : { text: 'The script is at its end.' }
}

/** What the tools of a step answered, if it has run; its first tool's answer first. */
export function resultsOf({ turns, prefix }: Conversation, step: number): string[] {
  const mine = turns.findLast(({ calls }) =>
    calls.some(({ id }) => id.startsWith(prefix) && stepIn.exec(id)?.[1] === String(step)),
  )
  return (mine?.calls ?? []).map(({ result }) => result ?? '')
}
