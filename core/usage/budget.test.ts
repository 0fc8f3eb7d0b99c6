import { describe, expect, it } from 'vitest'
import {
  lessReserved,
  noBudget,
  nothingReserved,
  plusReserved,
  slice,
  sliceOf,
  spentLimits,
} from './budget.ts'
import { noUsage } from './usage.ts'

const spending = (tokens: number | null, cost_usd: number | null, used = {}, reserved = nothingReserved) => ({
  budget: { ...noBudget, tokens, cost_usd },
  usage: { ...noUsage, ...used },
  reserved,
})

describe('a slice', () => {
  it('is a share of the budget, at most so much, and never more than is left', () => {
    expect(sliceOf(spending(1_600, null))).toEqual({ tokens: 100, cost_usd: 0 })
    expect(sliceOf(spending(1e9, 1_000))).toEqual({ tokens: slice.tokens, cost_usd: slice.cost_usd })
    expect(sliceOf(spending(1_600, null, { input_tokens: 1_570 }))).toEqual({ tokens: 30, cost_usd: 0 })
    const held = { tokens: 25, cost_usd: 0 }
    expect(sliceOf(spending(1_600, null, { output_tokens: 1_570 }, held))).toEqual({ tokens: 5, cost_usd: 0 })
  })

  it('of a session without limits is nothing, and there is always one more', () => {
    expect(sliceOf(spending(null, null, { input_tokens: 1e9, cost_usd: 1e5 }))).toEqual(nothingReserved)
  })

  it('is none when one limit has nothing left that nobody has spent or reserved', () => {
    expect(sliceOf(spending(100, null, { input_tokens: 90 }, { tokens: 10, cost_usd: 0 }))).toBeNull()
    expect(sliceOf(spending(100, 1, { cost_usd: 0.6 }, { tokens: 0, cost_usd: 0.4 }))).toBeNull()
    expect(sliceOf(spending(100, null, { input_tokens: 120 }))).toBeNull()
  })

  it('is there whenever the budget is not spent and nobody runs, however small what is left', () => {
    for (const left of [1e-9, 4e-7, 1e-6, 0.1, 0.3]) {
      const session = spending(null, 0.3, { cost_usd: 0.3 - left })
      expect(sliceOf(session) === null).toBe(spentLimits(session).cost_usd)
    }
    expect(sliceOf(spending(1, 0.000001))).toEqual({ tokens: 1, cost_usd: 0.000001 })
  })

  it('given back leaves no dust behind', () => {
    const tenth = { tokens: 1, cost_usd: 0.1 }
    const three = plusReserved(plusReserved(tenth, tenth), tenth)
    expect(lessReserved(lessReserved(lessReserved(three, tenth), tenth), tenth)).toEqual(nothingReserved)
  })
})
