import { describe, expect, it } from 'vitest'
import { type AgentAction, type AgentState, agentStates, transitions } from './states.ts'

/** What domain.md says, written down a second time: the one place where the table is held to it. */
const expected: Record<AgentState, Partial<Record<AgentAction, AgentState>>> = {
  ONLINE: { register: 'ONLINE', drain: 'DRAINING', silence: 'OFFLINE' },
  DRAINING: { register: 'ONLINE', silence: 'OFFLINE' },
  OFFLINE: { register: 'ONLINE', return: 'ONLINE' },
}
const actions = Object.keys(transitions) as AgentAction[]

describe.each(agentStates)('an agent that is %s', (state) => {
  it.each(actions)('takes %s only where the table says so', (action) => {
    const from: readonly AgentState[] = transitions[action].from
    const to = expected[state][action]
    expect(from.includes(state)).toBe(to !== undefined)
    if (to) expect(transitions[action].to).toBe(to)
  })
})

it('every state of an agent can be reached from its registration', () => {
  const reached = new Set<AgentState>(['ONLINE'])
  for (const state of reached)
    for (const { from, to } of Object.values(transitions) as {
      from: readonly AgentState[]
      to: AgentState
    }[])
      if (from.includes(state)) reached.add(to)
  expect([...reached].sort()).toEqual([...agentStates].sort())
})
