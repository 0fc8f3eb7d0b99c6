import type { Diagnosis } from '../../../api/types.ts'
import { words } from '../../../parts/format.ts'

type Waiting = NonNullable<Diagnosis['waiting']>
export type Part = Waiting['path'][number]

/** One thing on the way, in few words. */
export function partWords(part: Part) {
  const { kind, id, state } = part
  const name = [part.key, part.name].find((one) => typeof one === 'string')
  switch (kind) {
    case 'session':
      return `session ${words(state)}`
    case 'capability':
      return `${id} ${words(state)}`
    case 'task':
    case 'agent':
      return `${name ?? id} ${words(state)}`
    default:
      return `${kind} ${words(state)}`
  }
}

/** The tasks on the way to what is waited for, and of the last one what that is, in words. */
export function blockingOf(diagnosis: Diagnosis | undefined): ReadonlyMap<string, string | null> {
  const waiting = diagnosis?.waiting
  // What is worked on blocks nothing: it goes on.
  if (!waiting || waiting.reason === 'working') return new Map()
  const tasks = waiting.path.filter(({ kind }) => kind === 'task')
  const last = waiting.path.at(-1)
  const what = last && last.kind !== 'task' && last.kind !== 'session' ? waitWords(last) : null
  return new Map(tasks.map(({ id }, i) => [id, i === tasks.length - 1 ? what : null]))
}

function waitWords(part: Part) {
  const { kind, id, state } = part
  switch (kind) {
    case 'capability':
      if (state === 'MISSING') return `waits for ${id}: no agent online has it`
      return state === 'BUSY'
        ? `waits for ${id}: its agents are busy`
        : `waits to be offered to an agent with ${id}`
    case 'approval':
      return 'waits for your answer'
    case 'agent':
      return `waits for ${typeof part.name === 'string' ? part.name : id}`
    case 'timer':
      return 'waits for a pause to end'
    default:
      return `waits for its ${kind}`
  }
}
