import { expect, it } from 'vitest'
import type { Diagnosis } from '../../../api/types.ts'
import { blockingOf } from './path.ts'

const waiting = (reason: string, ...path: NonNullable<Diagnosis['waiting']>['path']): Diagnosis => ({
  session_id: 'ses_1',
  state: 'RUNNING',
  ended: null,
  waiting: { reason, sentence: '', owner: 'fleet', since: '', until: null, moves: [], path },
})
const session = { kind: 'session', id: 'ses_1', state: 'RUNNING' } as const
const task = (id: string) => ({ kind: 'task', id, state: 'BLOCKED' }) as const

it('marks every task on the way, and says at the last one what it waits for', () => {
  const missing = { kind: 'capability', id: 'TESTING', state: 'MISSING' } as const
  expect([...blockingOf(waiting('no_agent', session, task('a'), task('b'), missing))]).toEqual([
    ['a', null],
    ['b', 'waits for TESTING: no agent online has it'],
  ])
})

it('work that goes on blocks nothing', () => {
  const agent = { kind: 'agent', id: 'agt_1', state: 'ONLINE', name: 'builder' } as const
  expect(blockingOf(waiting('working', session, task('a'), agent)).size).toBe(0)
  expect(blockingOf(undefined).size).toBe(0)
})
