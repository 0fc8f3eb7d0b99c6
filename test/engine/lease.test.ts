import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Lease, Leases } from '#core/lock/lease'
import { step } from '#core/step/step'
import type { Wake } from '#core/wake/wake'
import { testDatabase } from '../database.ts'
import { openPlant, type Plant } from '../plant.ts'

let plant: Plant

beforeAll(async () => {
  plant = openPlant((await testDatabase()).url, { automatic: false })
})
afterAll(() => plant.close())

/** Leases that somebody rings for at every release, `rings` times. */
function rungLeases(rings: number) {
  const held = new Set<string>()
  let left = rings
  const end = (leases: Lease[]) => {
    for (const { name } of leases) held.delete(name)
  }
  const leases: Leases = {
    acquire: async (names) => {
      for (const name of names) held.add(name)
      return names.map((name) => ({ name, fence: 1 }))
    },
    release: async (given) => {
      if (left-- > 0) return given
      end(given)
      return []
    },
    keep: async (given) => given,
    leave: async (given) => {
      const marked = given.filter(({ name }) => held.has(name) && left > 0)
      end(given)
      return marked
    },
  }
  return { leases, held }
}

const wakeOf = () => ({ kind: 'tenant' as const, tenant_id: plant.operator.tenant_id })

it('a step that is rung for without end gives its leases up, and leaves a wake for the next one', async () => {
  const { leases, held } = rungLeases(Number.POSITIVE_INFINITY)
  const sent: Wake[] = []
  const wake = async (wakes: Wake[]) => void sent.push(...wakes)
  await step({ ...plant.stepServices, leases, wake }, [wakeOf()])
  expect([...held]).toEqual([])
  expect(sent).toContainEqual(wakeOf())
})

it('a step that throws holds nothing after it', async () => {
  const { leases, held } = rungLeases(0)
  const database = { ...plant.stepServices.database, query: () => Promise.reject(new Error('away')) }
  await expect(step({ ...plant.stepServices, leases, database }, [wakeOf()])).rejects.toThrow('away')
  expect([...held]).toEqual([])
})
