import {
  isLegal,
  type SessionAction,
  type SessionState,
  sessionStates,
  transitions,
} from '#core/session/states'
import { sentenceCase } from '../../../parts/format.ts'

const actions = Object.keys(transitions).filter((name): name is SessionAction => name in transitions)

/** What moves a state on when all goes well: the machine's first step, else the operator's. */
function onward(state: SessionState) {
  const legal = actions.filter((action) => isLegal(state, action) && action !== 'retry')
  return legal.find((action) => transitions[action].by !== 'operator') ?? legal[0]
}

function lineFrom(state: SessionState): SessionState[] {
  const action = onward(state)
  return action === undefined ? [state] : [state, ...lineFrom(transitions[action].to)]
}

/** The states of a life without a turn, as the table has them. */
export const mainLine: readonly SessionState[] = lineFrom(sessionStates[0])
/** The others: where a life can turn to. */
export const turns: readonly SessionState[] = sessionStates.filter((state) => !mainLine.includes(state))

export type Stop = { state: SessionState; kind: 'past' | 'now' | 'ahead'; at: number | null }

/** What is known of when a session entered its states, the latest time of each. */
export type Entries = ReadonlyMap<string, number>

/**
 * The rail: what a session went through, where it is, and what lies ahead on the main line. A state beside the line
 * stands behind the last one of the line that it came through.
 */
export function railOf(state: SessionState, entries: Entries): Stop[] {
  const at = (one: SessionState) => entries.get(one) ?? null
  const stop = (one: SessionState, kind: Stop['kind']): Stop => ({ state: one, kind, at: at(one) })
  const here = mainLine.indexOf(state)
  if (here >= 0) return mainLine.map((one, i) => stop(one, i < here ? 'past' : i === here ? 'now' : 'ahead'))
  const reached = mainLine.findLastIndex((one, i) => i === 0 || at(one) !== null)
  const goesOn = leadsBack(state)
  return [
    ...mainLine.slice(0, reached + 1).map((one) => stop(one, 'past')),
    stop(state, 'now'),
    ...(goesOn ? mainLine.slice(reached + 1).map((one) => stop(one, 'ahead')) : []),
  ]
}

/** Whether the main line can be reached again, without a retry. */
function leadsBack(state: SessionState) {
  const legal = actions.filter((action) => isLegal(state, action) && action !== 'retry')
  return legal.some((action) => mainLine.includes(transitions[action].to))
}

/** Why an action cannot be taken now, from the table; undefined when it can. */
export function whyNot(state: SessionState, action: SessionAction) {
  if (isLegal(state, action)) return undefined
  const from: readonly SessionState[] = transitions[action].from
  const names = from.map((one) => one.toLowerCase())
  const list = names.length > 1 ? `${names.slice(0, -1).join(', ')} or ${names.at(-1)}` : names[0]
  return `${sentenceCase(action)} is for a session that is ${list}; this one is ${state.toLowerCase()}.`
}
