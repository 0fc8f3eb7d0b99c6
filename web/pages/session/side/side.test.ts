import { expect, it } from 'vitest'
import type { WholeCheckpoint } from '../../../api/types.ts'
import { changesBetween } from './changes-between.ts'
import { outlineOf, rateOf, roundTop } from './rate.ts'

it('tokens are shown per minute, however long a column is', () => {
  const tokens = new Map([
    [0, 100],
    [5_000, 50],
    [60_000, 300],
  ])
  expect(rateOf(tokens, 0, 120_000, 2)).toEqual({ columns: [150, 300], step: 60_000, top: 300 })
  expect(rateOf(tokens, 0, 10_000, 50)?.columns.slice(0, 1)).toEqual([1_200])
  expect(rateOf(new Map(), 0, 1, 1)).toBeNull()
})

it('the outline stays in its box', () => {
  expect(outlineOf({ columns: [0, 10], step: 1, top: 10 }, 10)).toBe('M0.00 100.00H50.00L50.00 0.00H100.00')
  expect([0, 3, 10, 1_234, 50_001].map(roundTop)).toEqual([1, 5, 10, 2_000, 100_000])
})

const checkpoint = (
  number: number,
  session: Record<string, unknown>,
  tasks: Record<string, unknown>[],
): WholeCheckpoint => ({
  ...{ id: `chk_${number}`, session_id: 'ses_1', number, trigger: 'TRANSITION', seq: number, task_id: null },
  ...{ artifact_id: null, size: 1, created_at: '2026-01-01T00:00:00Z' },
  session,
  tasks,
})

it('two checkpoints differ in what changed, came and went, and in nothing else', () => {
  const before = checkpoint(
    1,
    { state: 'RUNNING', version: 4, usage: { input_tokens: 1, output_tokens: 2 } },
    [
      { id: 'tsk_1', key: 'a', state: 'RUNNING', attempt: 1 },
      { id: 'tsk_2', key: 'b', state: 'READY' },
    ],
  )
  const after = checkpoint(
    2,
    { state: 'RUNNING', version: 5, usage: { input_tokens: 9, output_tokens: 2 } },
    [
      { id: 'tsk_1', key: 'a', state: 'COMPLETED', attempt: 1 },
      { id: 'tsk_3', key: 'c', state: 'READY', work: { commit: 'abc' } },
    ],
  )
  expect(changesBetween(before, after)).toEqual([
    { of: 'Session', field: 'usage.input_tokens', before: '1', after: '9' },
    { of: 'a', field: 'state', before: 'RUNNING', after: 'COMPLETED' },
    { of: 'c', field: 'state', before: undefined, after: 'READY' },
    { of: 'c', field: 'work.commit', before: undefined, after: 'abc' },
    { of: 'b', field: 'state', before: 'READY', after: undefined },
  ])
  expect(changesBetween(after, after)).toEqual([])
})
