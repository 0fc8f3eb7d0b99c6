/** Random numbers from a seed (mulberry32): the same seed gives the same history. */
export function randomOf(seed: number) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)
  return {
    below,
    /** True so often, 0 to 1. */
    chance: (share: number) => next() < share,
    pick: <T>(list: readonly T[]): T | undefined => list[below(list.length)],
    /** One of the weighted names. */
    weighted<Name extends string>(weights: Record<Name, number>): Name {
      const names = Object.keys(weights) as Name[]
      let left = next() * names.reduce((sum, name) => sum + weights[name], 0)
      for (const name of names) {
        left -= weights[name]
        if (left < 0) return name
      }
      throw new Error('no weights')
    },
  }
}

export type Random = ReturnType<typeof randomOf>
