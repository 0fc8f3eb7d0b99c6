import { describe, expect, it } from 'vitest'
import { freeSlots, tierOf } from './agent.ts'

const marks = (good: number, bad: number) => '1'.repeat(good) + '0'.repeat(bad)

describe('the tier of an agent', () => {
  it.each([
    ['no attempt', '', 'STANDARD'],
    ['four failures, too few to judge', marks(0, 4), 'STANDARD'],
    ['five failures', marks(0, 5), 'PROBATION'],
    ['seven of ten', marks(7, 3), 'STANDARD'],
    ['69 % of them', marks(34, 16), 'PROBATION'],
    ['nineteen successes, one too few for ELITE', marks(19, 0), 'STANDARD'],
    ['nineteen of twenty', marks(19, 1), 'ELITE'],
    ['18 of 20', marks(18, 2), 'STANDARD'],
    ['all of 50', marks(50, 0), 'ELITE'],
  ] as const)('after %s', (_, recent, tier) => {
    expect(tierOf(recent)).toBe(tier)
  })
})

describe('the free slots of an agent', () => {
  it.each([
    ['what its capacity leaves', { capacity: 4, active: 1, recent: '' }, 3],
    ['one at a time on probation', { capacity: 4, active: 0, recent: '00000' }, 1],
    ['none on probation while it has one', { capacity: 4, active: 1, recent: '00000' }, 0],
    ['none when it came back with less capacity than it holds', { capacity: 1, active: 3, recent: '' }, 0],
  ] as const)('are %s', (_, agent, free) => {
    expect(freeSlots(agent)).toBe(free)
  })
})
