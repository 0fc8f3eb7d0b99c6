import type { Actor } from '#core/actor'
import { OrchestratorError } from '#core/error'
import type { ApiServices } from './services.ts'

/** A rate that was changed holds after this at the latest, in ms. */
const keptMs = 10_000
const maxKept = 1_000

type Needs = Pick<ApiServices, 'database' | 'limiter'>
type Kept = { rate: number | null; until: number }

/**
 * Counts a caller's request against the tenant's requests a second: all keys of a tenant together, each agent for
 * itself. Answers the headers that say what is left (draft-ietf-httpapi-ratelimit-headers), none where there is no
 * limit or it cannot be told.
 */
export function makeThrottle(now: () => number = Date.now) {
  const kept = new Map<string, Kept>()

  async function rateOf(database: Needs['database'], tenant_id: string) {
    const known = kept.get(tenant_id)
    if (known && known.until > now()) return known.rate
    kept.delete(tenant_id)
    const [row] = await database.query<{ rate: number | null }>(tenant_id, {
      name: 'rate_of_tenant',
      text: 'select max_requests_per_second as rate from tenant where id = $1::text',
      values: [tenant_id],
    })
    const rate = row?.rate ?? null
    const oldest = kept.size >= maxKept ? kept.keys().next().value : undefined
    if (oldest !== undefined) kept.delete(oldest)
    kept.set(tenant_id, { rate, until: now() + keptMs })
    return rate
  }

  return async ({ database, limiter }: Needs, actor: Actor) => {
    const rate = await rateOf(database, actor.tenant_id)
    if (rate === null) return { allowed: true, headers: {} }
    const bucket = actor.kind === 'agent' ? `${actor.tenant_id}:${actor.agent_id}` : actor.tenant_id
    const verdict = await limiter.take(bucket, rate)
    if (!verdict) return { allowed: true, headers: {} }
    const headers = {
      'ratelimit-policy': `"requests";q=${rate};w=1`,
      ratelimit: `"requests";r=${verdict.remaining};t=1`,
    }
    return { allowed: verdict.allowed, headers }
  }
}

/** Its bucket gives at least one in a second, which is what Retry-After says. */
export function tooFast() {
  const message = 'More requests a second than the quota allows (max_requests_per_second); slow down.'
  return new OrchestratorError('rate_limited', message, { details: { quota: 'max_requests_per_second' } })
}
