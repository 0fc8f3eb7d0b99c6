import { describe, expect, it } from 'vitest'
import { moveSession } from '#core/change/draft'
import { aDraft, aSession } from '../../test/known.ts'
import {
  isLegal,
  isTerminal,
  legalActions,
  type SessionAction,
  type SessionState,
  sessionStates,
  transitions,
} from './states.ts'

/** What domain.md says, written down a second time: the one place where the table is held to it. */
const expected: Record<SessionState, Partial<Record<SessionAction, SessionState>>> = {
  PENDING: { start: 'QUEUED', stop: 'STOPPING' },
  QUEUED: { admit: 'RUNNING', pause: 'PAUSING', stop: 'STOPPING', fail: 'FAILED' },
  RUNNING: { pause: 'PAUSING', stop: 'STOPPING', complete: 'COMPLETED', fail: 'FAILED' },
  PAUSING: { stop: 'STOPPING', settle_pause: 'PAUSED', fail: 'FAILED' },
  PAUSED: { resume: 'QUEUED', stop: 'STOPPING' },
  STOPPING: { settle_stop: 'STOPPED' },
  STOPPED: { retry: 'QUEUED' },
  COMPLETED: {},
  FAILED: { retry: 'QUEUED' },
}
const actions = Object.keys(transitions) as SessionAction[]

describe.each(sessionStates)('a session that is %s', (state) => {
  it.each(actions)('takes %s only where the table says so', (action) => {
    const to = expected[state][action]
    const draft = aDraft(aSession({ state }))
    const move = () => moveSession(draft, action, {}, { why: 'test' })
    expect(isLegal(state, action)).toBe(to !== undefined)
    if (to === undefined) {
      const legal_actions = legalActions(state, 'operator')
      expect(move).toThrow(
        expect.objectContaining({
          code: 'illegal_transition',
          details: { state, action, legal_actions },
        }),
      )
      expect(draft).toEqual(aDraft(aSession({ state, id: draft.session.id })))
      return
    }
    move()
    expect(draft.session.state).toBe(to)
    expect(draft.events).toMatchObject([{ data: { from: state, to, why: 'test' } }])
  })

  it('lists exactly its legal actions, and those of each party', () => {
    expect(legalActions(state).sort()).toEqual(Object.keys(expected[state]).sort())
    const parties = ['operator', 'dispatch', 'step'] as const
    const byParty = parties.flatMap((party) => legalActions(state, party))
    expect(byParty.sort()).toEqual(legalActions(state).sort())
    for (const party of parties)
      for (const action of legalActions(state, party)) expect(transitions[action].by).toBe(party)
  })
})

describe('the states of a session', () => {
  it('end in COMPLETED, FAILED and STOPPED, which only a retry leaves', () => {
    expect(sessionStates.filter(isTerminal).sort()).toEqual(['COMPLETED', 'FAILED', 'STOPPED'])
  })

  it('can all be reached from PENDING', () => {
    const reached = new Set<SessionState>(['PENDING'])
    for (const state of reached) for (const action of legalActions(state)) reached.add(transitions[action].to)
    expect([...reached].sort()).toEqual([...sessionStates].sort())
  })

  it('can all reach an end', () => {
    for (const start of sessionStates) {
      const reached = new Set<SessionState>([start])
      for (const state of reached)
        for (const action of legalActions(state)) reached.add(transitions[action].to)
      expect([...reached].some(isTerminal), start).toBe(true)
    }
  })
})
