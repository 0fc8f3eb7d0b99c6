/** The task's transition table: action → from, to, by. It imports nothing, see core/session/states.ts. */
export const transitions = {
  unblock: { from: ['BLOCKED'], to: 'READY', by: 'step' },
  assign: { from: ['READY'], to: 'ASSIGNED', by: 'dispatch' },
  claim: { from: ['ASSIGNED'], to: 'RUNNING', by: 'agent' },
  decline: { from: ['ASSIGNED'], to: 'READY', by: 'agent' },
  expire: { from: ['ASSIGNED'], to: 'READY', by: 'step' },
  withdraw: { from: ['ASSIGNED'], to: 'READY', by: 'step' },
  ask: { from: ['RUNNING'], to: 'AWAITING_INPUT', by: 'agent' },
  answer: { from: ['AWAITING_INPUT'], to: 'RUNNING', by: 'operator' },
  await_children: { from: ['RUNNING', 'AWAITING_INPUT'], to: 'WAITING_CHILDREN', by: 'agent' },
  join_children: { from: ['WAITING_CHILDREN'], to: 'COMPLETED', by: 'step' },
  complete: { from: ['RUNNING', 'AWAITING_INPUT'], to: 'COMPLETED', by: 'agent' },
  fail_attempt: { from: ['RUNNING', 'AWAITING_INPUT'], to: 'READY', by: 'agent' },
  fail: {
    from: ['RUNNING', 'AWAITING_INPUT', 'ASSIGNED', 'READY', 'WAITING_CHILDREN'],
    to: 'FAILED',
    by: 'step',
  },
  lose: { from: ['ASSIGNED', 'RUNNING', 'AWAITING_INPUT'], to: 'READY', by: 'step' },
  release: { from: ['RUNNING', 'AWAITING_INPUT'], to: 'READY', by: 'agent' },
  await_merge: { from: ['RUNNING'], to: 'BLOCKED', by: 'agent' },
  revive: { from: ['FAILED', 'CANCELLED'], to: 'BLOCKED', by: 'operator' },
  cancel: {
    from: ['BLOCKED', 'READY', 'ASSIGNED', 'RUNNING', 'AWAITING_INPUT', 'WAITING_CHILDREN'],
    to: 'CANCELLED',
    by: 'operator',
  },
} as const

export type TaskAction = keyof typeof transitions
export type TaskState =
  | (typeof transitions)[TaskAction]['from'][number]
  | (typeof transitions)[TaskAction]['to']

export const taskStates = [
  'BLOCKED',
  'READY',
  'ASSIGNED',
  'RUNNING',
  'AWAITING_INPUT',
  'WAITING_CHILDREN',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
] as const satisfies readonly TaskState[]

const actions = Object.keys(transitions) as TaskAction[]

/** Whether `action` may be taken in `state`. */
export function isLegal(state: TaskState, action: TaskAction) {
  const from: readonly TaskState[] = transitions[action].from
  return from.includes(state)
}

/** The actions that may be taken in a state. */
export function legalActions(state: TaskState) {
  return actions.filter((action) => isLegal(state, action))
}

/** A state that only a revival, or nothing, leaves. */
export function isTerminal(state: TaskState) {
  return legalActions(state).every((action) => action === 'revive')
}

/** A state in which a slot of an agent is reserved for the task: those that an agent can lose. */
export function isHeld(state: TaskState) {
  return isLegal(state, 'lose')
}
