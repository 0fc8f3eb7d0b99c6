import { expect, it } from 'vitest'
import { History } from './history.ts'

/** `SIMULATIONS=20000 npx vitest run test/simulation` runs more; `SEED=123` that one alone. */
const { SIMULATIONS, SEED } = process.env
const first = Number(SEED ?? 1)
const count = SEED ? 1 : Number(SIMULATIONS ?? 600)
/** On a busy machine fewer histories fit; a number that was asked for is run to the end. */
const budgetMs = SIMULATIONS || SEED ? Number.POSITIVE_INFINITY : 8_000

it(`${count} histories with crashes, duplicates and lost wakes keep every promise`, async () => {
  const end = performance.now() + budgetMs
  const total = { histories: 0, commits: 0, conflicts: 0 }
  for (let seed = first; seed < first + count && performance.now() < end; seed++) {
    try {
      const { commits, conflicts } = await new History(seed).run(120)
      total.histories += 1
      total.commits += commits
      total.conflicts += conflicts
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`${reason} (again with SEED=${seed})`, { cause })
    }
  }
  // A simulation in which nothing happens, or nobody meets, proves nothing.
  expect(total.commits).toBeGreaterThan(total.histories * (SEED ? 0 : 15))
  if (total.histories > 20) expect(total.conflicts).toBeGreaterThan(total.histories / 10)
}, 3_600_000)
