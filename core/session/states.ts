/**
 * The session's transition table: action → from, to, by. It imports nothing: the server, the dashboard's
 * rail and disabled buttons, the documents and the tests all read it.
 */
export const transitions = {
  start: { from: ['PENDING'], to: 'QUEUED', by: 'operator' },
  admit: { from: ['QUEUED'], to: 'RUNNING', by: 'dispatch' },
  pause: { from: ['QUEUED', 'RUNNING'], to: 'PAUSING', by: 'operator' },
  resume: { from: ['PAUSED'], to: 'QUEUED', by: 'operator' },
  stop: { from: ['PENDING', 'QUEUED', 'RUNNING', 'PAUSING', 'PAUSED'], to: 'STOPPING', by: 'operator' },
  settle_pause: { from: ['PAUSING'], to: 'PAUSED', by: 'step' },
  settle_stop: { from: ['STOPPING'], to: 'STOPPED', by: 'step' },
  complete: { from: ['RUNNING'], to: 'COMPLETED', by: 'step' },
  fail: { from: ['QUEUED', 'RUNNING', 'PAUSING'], to: 'FAILED', by: 'step' },
  retry: { from: ['FAILED', 'STOPPED'], to: 'QUEUED', by: 'operator' },
} as const

export type SessionAction = keyof typeof transitions
export type SessionState =
  | (typeof transitions)[SessionAction]['from'][number]
  | (typeof transitions)[SessionAction]['to']

/** In the order of a life, which is the order in which they are shown. */
export const sessionStates = [
  'PENDING',
  'QUEUED',
  'RUNNING',
  'PAUSING',
  'PAUSED',
  'STOPPING',
  'STOPPED',
  'COMPLETED',
  'FAILED',
] as const satisfies readonly SessionState[]

const actions = Object.keys(transitions) as SessionAction[]

/** Whether `action` may be taken in `state`. */
export function isLegal(state: SessionState, action: SessionAction) {
  const from: readonly SessionState[] = transitions[action].from
  return from.includes(state)
}

/** The actions that may be taken in a state, of everyone or of one party. */
export function legalActions(state: SessionState, by?: (typeof transitions)[SessionAction]['by']) {
  return actions.filter(
    (action) => isLegal(state, action) && (by === undefined || transitions[action].by === by),
  )
}

/** A state that only an operator's retry, or nothing, leaves. */
export function isTerminal(state: SessionState) {
  return legalActions(state).every((action) => action === 'retry')
}
