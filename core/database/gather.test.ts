import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gather } from './gather.ts'

type Input = { key: string; value: number }

/** A gather whose flights are recorded; `bad` values spoil the flight that they are in. */
function recorded(max = 10, bad: (value: number) => boolean = () => false) {
  const flights: Input[][] = []
  let flying = 0
  const call = gather<Input, string>({
    max,
    key: ({ key }) => key,
    run: async (inputs) => {
      flights.push(inputs)
      flying += 1
      expect(flying, 'one flight at a time').toBe(1)
      await new Promise(setImmediate)
      flying -= 1
      const spoilt = inputs.find(({ value }) => bad(value))
      if (spoilt) throw new Error(`bad ${spoilt.value}`)
      return inputs.map(({ key, value }) => `${key}${value}`)
    },
  })
  return { flights, call: (key: string, value: number) => call({ key, value }) }
}

describe('calls', () => {
  it('of one turn share a flight, and each gets its own answer in order', async () => {
    const { flights, call } = recorded()
    expect(await Promise.all([call('a', 1), call('b', 2), call('c', 3)])).toEqual(['a1', 'b2', 'c3'])
    expect(flights).toHaveLength(1)
  })

  it('that come during a flight share the next one', async () => {
    const { flights, call } = recorded()
    const first = call('a', 1)
    await Promise.resolve()
    await Promise.all([first, call('b', 2), call('c', 3)])
    expect(flights.map((flight) => flight.length)).toEqual([1, 2])
  })

  it('of one key never fly together, and land in the order in which they came', async () => {
    const { flights, call } = recorded()
    const landed: string[] = []
    const track = async (answer: Promise<string>) => landed.push(await answer)
    await Promise.all([call('a', 1), call('a', 2), call('b', 3), call('a', 4)].map(track))
    expect(flights.map((flight) => flight.map(({ key, value }) => `${key}${value}`))).toEqual([
      ['a1', 'b3'],
      ['a2'],
      ['a4'],
    ])
    expect(landed).toEqual(['a1', 'b3', 'a2', 'a4'])
  })

  it('are at most `max` a flight', async () => {
    const { flights, call } = recorded(4)
    await Promise.all(Array.from({ length: 10 }, (_, i) => call(`k${i}`, i)))
    expect(flights.map((flight) => flight.length)).toEqual([4, 4, 2])
  })

  it('fail alone: one bad input does not spoil those that flew with it', async () => {
    const { call } = recorded(10, (value) => value === 2)
    const outcomes = await Promise.allSettled([call('a', 1), call('b', 2), call('c', 3)])
    expect(outcomes).toMatchObject([
      { status: 'fulfilled', value: 'a1' },
      { status: 'rejected', reason: { message: 'bad 2' } },
      { status: 'fulfilled', value: 'c3' },
    ])
    expect(await call('d', 4)).toBe('d4')
  })

  it('whose flight answers too little are refused, and the others get theirs', async () => {
    const call = gather<number, number>({ max: 5, key: String, run: async (inputs) => inputs.slice(0, 1) })
    const outcomes = await Promise.allSettled([call(1), call(2)])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })

  it('all land, each once, whatever their keys and however many are bad', async () => {
    const calls = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(20)), { maxLength: 25 })
    await fc.assert(
      fc.asyncProperty(calls, fc.integer({ min: 1, max: 5 }), async (inputs, max) => {
        const { flights, call } = recorded(max, (value) => value % 7 === 3)
        const outcomes = await Promise.allSettled(inputs.map(([key, value]) => call(key, value)))
        for (const [i, [key, value]] of inputs.entries()) {
          const outcome = outcomes[i]
          if (value % 7 === 3) expect(outcome?.status).toBe('rejected')
          else expect(outcome).toEqual({ status: 'fulfilled', value: `${key}${value}` })
        }
        for (const flight of flights) {
          expect(new Set(flight.map(({ key }) => key)).size).toBe(flight.length)
          expect(flight.length).toBeLessThanOrEqual(max)
        }
      }),
      { numRuns: 50 },
    )
  })
})
