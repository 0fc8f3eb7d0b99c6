import type { Database, Query } from '#core/database/database'
import { OrchestratorError } from '#core/error'
import type { Channel } from '#core/live/channel'
import { databaseServices, type Services } from '#core/services'
import type { Wake } from '#core/wake/wake'

/**
 * Runs verbs in one transaction: all that they store is there, or none of it, and others are told only once it is.
 * What throws rolls it back, but for a refusal that is itself on record (`recorded`).
 */
export async function atomically<S extends Services, T>(
  services: S,
  tenant_id: string,
  run: (inside: S, query: Query) => Promise<T>,
): Promise<T> {
  const { outcome, after } = await services.database.transaction(tenant_id, async (query) => {
    // A transaction that is run again begins with nothing to tell.
    const { inside, ...after } = held(services, bound(query, tenant_id))
    try {
      return { outcome: { answer: await run(inside, query) }, after }
    } catch (error) {
      if (error instanceof OrchestratorError && error.recorded) return { outcome: { error }, after }
      throw error
    }
  })
  for (const tell of after.told) tell()
  await Promise.all([
    services.bells.ring(after.rings),
    after.wakes.length > 0 ? services.wake(after.wakes) : null,
  ])
  if ('error' in outcome) throw outcome.error
  return outcome.answer
}

/** A database that is one open transaction; a transaction in it is a savepoint. */
function bound(query: Query, tenant: string): Database {
  const assertTenant = (tenant_id: string | null) => {
    if (tenant_id !== tenant) throw new OrchestratorError('internal', 'A transaction has one tenant.')
  }
  const say = (text: string) => query({ name: '', text, values: [] })
  return {
    query(tenant_id, statement) {
      assertTenant(tenant_id)
      return query(statement)
    },
    async transaction(tenant_id, body) {
      assertTenant(tenant_id)
      await say('savepoint part')
      try {
        const answer = await body(query)
        await say('release part')
        return answer
      } catch (error) {
        await say('rollback to part')
        throw error
      }
    },
    end: async () => {},
  }
}

/** The same services inside a transaction: what tells others is held back until it is committed. */
function held<S extends Services>(services: S, database: Database) {
  const wakes: Wake[] = []
  const rings: Channel[] = []
  const told: (() => void)[] = []
  const inside: S = {
    ...services,
    ...databaseServices(database, services.presence),
    wake: async (more: Wake[]) => {
      wakes.push(...more)
    },
    bells: {
      ...services.bells,
      ring: async (channels: Channel[]) => {
        rings.push(...channels)
      },
    },
    told: (of, events) => {
      told.push(() => services.told?.(of, events))
    },
  }
  return { inside, wakes, rings, told }
}
