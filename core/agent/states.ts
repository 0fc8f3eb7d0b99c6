/** The agent's transition table: action → from, to, by. It imports nothing, see core/session/states.ts. */
export const transitions = {
  register: { from: ['ONLINE', 'DRAINING', 'OFFLINE'], to: 'ONLINE', by: 'agent' },
  return: { from: ['OFFLINE'], to: 'ONLINE', by: 'agent' },
  drain: { from: ['ONLINE'], to: 'DRAINING', by: 'operator' },
  silence: { from: ['ONLINE', 'DRAINING'], to: 'OFFLINE', by: 'step' },
} as const

export type AgentAction = keyof typeof transitions
export type AgentState = (typeof transitions)[AgentAction]['to']

export const agentStates = ['ONLINE', 'DRAINING', 'OFFLINE'] as const satisfies readonly AgentState[]
