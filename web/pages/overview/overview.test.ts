import { describe, expect, test } from 'vitest'
import { bottleneckOf, loadOf } from './bottleneck.ts'
import { readOverviewSearch } from './search.ts'
import { barsOf, niceCount, niceTop, outlineOf, successOf } from './steps.ts'

const load = (capability: string, set: object) => ({
  capability,
  agents: 1,
  capacity: 1,
  active: 0,
  free: 1,
  waiting: 0,
  oldest_at: null,
  ...set,
})

describe('the bottleneck', () => {
  const now = Date.parse('2026-11-22T12:01:05Z')
  const oldest_at = '2026-11-22T12:00:00.000Z'

  test('is what nobody has before what everybody is busy with', () => {
    const busy = load('TESTING', { waiting: 9, free: 0, capacity: 2, active: 2, oldest_at })
    const missing = load('SECURITY_AUDIT', { agents: 0, capacity: 0, free: 0, waiting: 1, oldest_at })
    expect(bottleneckOf([busy, missing], now)).toEqual({
      kind: 'short',
      sentence: 'No agent online has SECURITY_AUDIT: 1 task waits, for 1 m 05 s.',
    })
    expect(bottleneckOf([busy], now)).toEqual({
      kind: 'full',
      sentence:
        'TESTING is the bottleneck: 9 tasks wait, the oldest for 1 m 05 s, and all 2 slots that can do it are in use.',
    })
  })

  test('does not call a slot used that nobody uses: on probation an agent takes one task at a time', () => {
    const busy = load('TESTING', { waiting: 1, free: 0, capacity: 4, active: 2, oldest_at })
    expect(bottleneckOf([busy], now).sentence).toContain(
      'the 2 of 4 slots that agents on probation leave are in use',
    )
  })

  test('is none where a slot is free or nothing waits, and an empty fleet is said', () => {
    expect(bottleneckOf([load('TESTING', { waiting: 1, oldest_at })], now).kind).toBe('fine')
    expect(bottleneckOf([load('TESTING', {})], now).sentence).toBe('No task waits for an agent.')
    expect(bottleneckOf([], now)).toMatchObject({ kind: 'short' })
  })

  test('a load is not known without slots', () => {
    expect(loadOf({ capacity: 0, active: 0 })).toBeNull()
    expect(loadOf({ capacity: 4, active: 1 })).toBe(0.25)
  })
})

describe('steps', () => {
  test('stand on the ground, as high as their share of the top', () => {
    expect(barsOf([0, 5, 10], 10, 40)).toEqual([
      { x: 1, width: 1, y: 20, height: 20 },
      { x: 2, width: 1, y: 0, height: 40 },
    ])
    expect(barsOf([0, 0], 0, 40)).toEqual([])
    expect(outlineOf([0, 10], 10, 40)).toBe('M0 40L1 40L1 0L2 0')
  })

  test('an axis ends at a round figure, of counts at a whole one', () => {
    expect([0, 3, 12, 21, 999, 0.03].map(niceTop)).toEqual([0, 5, 20, 25, 1_000, 0.05])
    expect(niceCount(2.1)).toBe(3)
  })

  test('success is not known where nothing ended', () => {
    expect(successOf({ completed: 0, failed: 0 })).toBeNull()
    expect(successOf({ completed: 3, failed: 1 })).toBe(0.75)
  })
})

test('the address says how far back, the usual is left out', () => {
  expect(readOverviewSearch({ window: 'day' })).toEqual({ window: 'day' })
  expect(readOverviewSearch({ window: 'hour' })).toEqual({})
  expect(readOverviewSearch({ window: 'year' })).toEqual({})
})
