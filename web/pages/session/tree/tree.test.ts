import { expect, it } from 'vitest'
import type { Task } from '../../../api/types.ts'
import { apartOn, axisOf, placeOf, ratioOf, roughSpans, ticksOf, tickText, workedMs } from './place.ts'
import { moveIn, rowsOf } from './rows.ts'

const usage = {
  ...{ input_tokens: 0, output_tokens: 0, reasoning_tokens: 0 },
  ...{ cache_read_tokens: 0, cache_write_tokens: 0, cost_usd: 0 },
}
const task = (id: string, parent_id: string | null = null, more: Partial<Task> = {}): Task => ({
  ...{ id, session_id: 'ses_1', parent_id, key: id, kind: 'WORK', title: id, instruction: '' },
  ...{
    capability: 'TESTING',
    depends_on: [],
    checks: [],
    priority: 'MEDIUM',
    state: 'BLOCKED',
    waiting: null,
  },
  ...{ attempt: 0, failures: 0, losses: 0, agent_id: null, not_before: null, deadline: null, usage },
  reserved: { tokens: 0, cost_usd: 0 },
  ...{ result: null, error: null, checkpoint_number: null, actions: [], created_at: '1970-01-01T00:00:00Z' },
  ...{ ready_at: null, started_at: null, ended_at: null },
  ...more,
})
const tree = [task('plan'), task('a', 'plan'), task('a1', 'a'), task('b', 'plan'), task('end')]
const ids = (rows: { task: Task }[]) => rows.map((row) => row.task.id)

it('a closed task hides all that is below it', () => {
  expect(ids(rowsOf(tree, new Set()))).toEqual(['plan', 'a', 'a1', 'b', 'end'])
  expect(ids(rowsOf(tree, new Set(['plan'])))).toEqual(['plan', 'end'])
  expect(rowsOf(tree, new Set())[3]).toMatchObject({ depth: 1, place: 2, of: 2, hasChildren: false })
})

it('a task whose parent is on another page is not lost', () => {
  expect(ids(rowsOf([task('x', 'elsewhere')], new Set()))).toEqual(['x'])
})

it('keys go through the rows, open, close and climb', () => {
  const rows = rowsOf(tree, new Set(['a']))
  expect(moveIn(rows, 'plan', 'ArrowDown')).toEqual({ to: 'a' })
  expect(moveIn(rows, 'a', 'ArrowRight')).toEqual({ open: 'a' })
  expect(moveIn(rows, 'plan', 'ArrowRight')).toEqual({ to: 'a' })
  expect(moveIn(rows, 'plan', 'ArrowLeft')).toEqual({ close: 'plan' })
  expect(moveIn(rows, 'b', 'ArrowLeft')).toEqual({ to: 'plan' })
  expect(moveIn(rows, undefined, 'ArrowDown')).toEqual({ to: 'plan' })
  expect(moveIn(rows, 'end', 'ArrowDown')).toBeNull()
  expect(moveIn(rows, 'b', 'x')).toBeNull()
})

it('times lie between the ends of the axis, whatever the clocks say', () => {
  const axis = { from: 1_000, to: 2_000 }
  expect([500, 1_000, 1_500, 2_000, 9_000].map((time) => ratioOf(axis, time))).toEqual([0, 0, 0.5, 1, 1])
  expect(placeOf(axis, { from: 1_500, to: null }, 1_750)).toEqual({ left: 0.5, width: 0.25 })
  expect(placeOf(axis, { from: 1_500, to: 1_400 }, 0).width).toBe(0)
})

it('ticks are round and few', () => {
  expect(ticksOf(axisOf(0, 60_000), 8)).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000])
  for (const ms of [1, 1e4, 1e6, 1e8, 1e10])
    expect(ticksOf({ from: 0, to: ms }, 8).length).toBeLessThanOrEqual(9)
  expect([tickText(65_000), tickText(3_725_000)]).toEqual(['01:05', '1:02:05'])
})

it('of marks that would lie on one another the latest stays', () => {
  expect(apartOn({ from: 0, to: 1_000 }, [100, 105, 500, 110])).toEqual([500, 110])
})

it('a record alone still tells of a wait and of the work', () => {
  const times = { ready_at: '1970-01-01T00:00:01Z', started_at: '1970-01-01T00:00:03Z' }
  const rough = roughSpans(task('a', null, { ...times, state: 'RUNNING', attempt: 1, agent_id: 'agt_1' }))
  expect(rough.map(({ kind, from, to }) => [kind, from, to])).toEqual([
    ['waited', 1_000, 3_000],
    ['ran', 3_000, null],
  ])
  expect(workedMs(rough, 10_000)).toBe(7_000)
  expect(workedMs([], 10_000)).toBeNull()
})
