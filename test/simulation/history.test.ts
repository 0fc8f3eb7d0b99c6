import { expect, it } from 'vitest'
import { History } from './history.ts'

/** `SIMULATIONS=20000 npx vitest run test/simulation`; `SEED=123` runs that one alone. */
const count = Number(process.env.SIMULATIONS ?? 600)
const first = Number(process.env.SEED ?? 1)
const seeds = process.env.SEED ? [first] : Array.from({ length: count }, (_, i) => first + i)

it(`${seeds.length} histories with crashes, duplicates and lost wakes keep every promise`, async () => {
  const total = { commits: 0, conflicts: 0 }
  for (const seed of seeds) {
    try {
      const { commits, conflicts } = await new History(seed).run(120)
      total.commits += commits
      total.conflicts += conflicts
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause} (SEED=${seed})`, {
        cause,
      })
    }
  }
  // A simulation in which nothing happens, or nobody meets, proves nothing.
  if (seeds.length > 100) {
    expect(total.commits).toBeGreaterThan(seeds.length * 20)
    expect(total.conflicts).toBeGreaterThan(seeds.length / 10)
  }
}, 600_000)
