/** The approval's transition table: action → from, to, by. It imports nothing, see core/session/states.ts. */
export const transitions = {
  answer: { from: ['OPEN'], to: 'ANSWERED', by: 'operator' },
  expire: { from: ['OPEN'], to: 'EXPIRED', by: 'step' },
  withdraw: { from: ['OPEN'], to: 'WITHDRAWN', by: 'step' },
} as const

export type ApprovalAction = keyof typeof transitions
export type ApprovalState =
  | (typeof transitions)[ApprovalAction]['from'][number]
  | (typeof transitions)[ApprovalAction]['to']

export const approvalStates = [
  'OPEN',
  'ANSWERED',
  'EXPIRED',
  'WITHDRAWN',
] as const satisfies readonly ApprovalState[]

const actions = Object.keys(transitions) as ApprovalAction[]

/** Whether `action` may be taken in `state`. */
export function isLegal(state: ApprovalState, action: ApprovalAction) {
  const from: readonly ApprovalState[] = transitions[action].from
  return from.includes(state)
}

/** The actions that may be taken in a state. */
export function legalActions(state: ApprovalState) {
  return actions.filter((action) => isLegal(state, action))
}

/** A state that nothing leaves. */
export function isTerminal(state: ApprovalState) {
  return legalActions(state).length === 0
}
