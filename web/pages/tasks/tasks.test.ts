import { describe, expect, test } from 'vitest'
import type { CapabilityLoad, TaskLine } from '../../api/types.ts'
import { readTasksSearch } from './search.ts'
import { placeTasks, standingOf, timesOf, troubleOf } from './standing.ts'

const task = (key: string, set: Partial<TaskLine> = {}): TaskLine => ({
  id: `tsk_${key}`,
  parent_id: null,
  key,
  kind: 'WORK',
  title: key,
  capability: 'TESTING',
  depends_on: [],
  state: 'READY',
  waiting: null,
  attempt: 0,
  failures: 0,
  losses: 0,
  agent_id: null,
  agent_name: null,
  not_before: null,
  error: null,
  created_at: '2026-11-22T12:00:00.000Z',
  ready_at: null,
  started_at: null,
  ended_at: null,
  matches: true,
  ...set,
})
const session = { id: 'ses_1', title: 'T', state: 'RUNNING', priority: 'HIGH', rehearsal: null } as const
const load = (set: Partial<CapabilityLoad>): CapabilityLoad => ({
  ...{ capability: 'TESTING', agents: 1, capacity: 1, active: 1, free: 0, waiting: 1 },
  ...{ oldest_at: null, held: 0, blocked: 0, ...set },
})

test('what holds the others up counts all that wait for it, through others too', () => {
  const tasks = [
    task('a', { state: 'RUNNING' }),
    task('b', { state: 'BLOCKED', depends_on: ['a'] }),
    task('c', { state: 'BLOCKED', depends_on: ['b', 'done'] }),
    task('done', { state: 'COMPLETED' }),
  ]
  expect(placeTasks(tasks).map(({ holds }) => holds)).toEqual([2, 1, 0, 0])
})

test('children stand below their parent and hold it up; one whose parent is not told stands at the root', () => {
  const tasks = [
    task('p', { state: 'WAITING_CHILDREN' }),
    task('c', { parent_id: 'tsk_p', state: 'RUNNING' }),
    task('g', { parent_id: 'tsk_c', state: 'COMPLETED' }),
    task('o', { parent_id: 'tsk_elsewhere' }),
  ]
  expect(placeTasks(tasks).map(({ depth, holds }) => [depth, holds])).toEqual([
    [0, 0],
    [1, 1],
    [2, 0],
    [0, 0],
  ])
})

test('a circle ends', () => {
  const tasks = [
    task('a', { state: 'BLOCKED', depends_on: ['b'] }),
    task('b', { state: 'BLOCKED', depends_on: ['a'] }),
  ]
  expect(placeTasks(tasks).map(({ holds }) => holds)).toEqual([1, 1])
})

describe('where a task stands', () => {
  const sentence = (one: TaskLine, others: TaskLine[] = [], loads: CapabilityLoad[] | undefined = []) =>
    standingOf(one, { session, tasks: [one, ...others] }, loads).sentence

  test('blocked: by name, what is not done', () => {
    const one = task('x', { state: 'BLOCKED', depends_on: ['a', 'b'] })
    expect(sentence(one, [task('a', { state: 'COMPLETED' }), task('b')])).toBe('waits for b')
  })

  test('ready: whether nobody has it, all are busy, or it is next; unknown stays unsaid', () => {
    expect(sentence(task('x'))).toBe('no agent online has TESTING')
    expect(sentence(task('x'), [], [load({})])).toContain('are in use')
    expect(sentence(task('x'), [], [load({ free: 1 })])).toContain('to be offered')
    expect(standingOf(task('x'), { session, tasks: [] }, undefined).kind).toBe('calm')
    const paused = { session: { ...session, state: 'PAUSED' as const }, tasks: [] }
    expect(standingOf(task('x'), paused, []).sentence).toBe('its session is paused')
  })

  test('failed: its own words', () => {
    const one = task('x', { state: 'FAILED', error: { code: 'check_failed', message: 'exit 1' } })
    expect(standingOf(one, { session, tasks: [] }, [])).toEqual({ sentence: 'exit 1', kind: 'failed' })
  })
})

test('waiting and working are told apart, and a retry does not count what came before', () => {
  const now = Date.parse('2026-11-22T12:10:00Z')
  const at = (minute: number) => new Date(Date.parse('2026-11-22T12:00:00Z') + minute * 60_000).toISOString()
  const minutes = (one: TaskLine) => {
    const { waited, worked } = timesOf(one, now)
    return [waited, worked].map((ms) => (ms === null ? null : ms / 60_000))
  }
  expect(minutes(task('x', { state: 'BLOCKED' }))).toEqual([null, null])
  expect(minutes(task('x', { ready_at: at(4) }))).toEqual([6, null])
  expect(minutes(task('x', { state: 'RUNNING', ready_at: at(1), started_at: at(4) }))).toEqual([3, 6])
  expect(
    minutes(task('x', { state: 'COMPLETED', ready_at: at(1), started_at: at(4), ended_at: at(6) })),
  ).toEqual([3, 2])
  expect(minutes(task('x', { ready_at: at(5), started_at: at(2) }))).toEqual([5, null])
})

test('trouble is told only where there was some', () => {
  expect(troubleOf({ failures: 0, losses: 0 })).toBe('')
  expect(troubleOf({ failures: 2, losses: 1 })).toBe('2 failed · 1 lost')
})

test('an address keeps what is understood', () => {
  expect(readTasksSearch({ state: 'READY,NONSENSE', capability: 'TESTING', after: 'abc', x: 1 })).toEqual({
    state: 'READY',
    capability: 'TESTING',
    after: 'abc',
  })
})
