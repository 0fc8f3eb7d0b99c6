import { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { redisLimiter } from '#core/lock/rate'
import { Tenant } from '#functions/api/schemas/tenant'
import { makeThrottle } from '#functions/api/throttle'
import { testRedisUrl } from '../database.ts'
import { goal, openApi, Problem } from './open.ts'

const { call, plant, services } = await openApi()
const tenant = '/api/v1/tenant'
const { limiter } = services
afterEach(() => {
  services.limiter = limiter
})

describe('the tenant', () => {
  test('shows what it may use and what it uses', async () => {
    await call('POST', '/api/v1/sessions', { body: { ...goal, start: true } })
    await plant.settle()
    const read = await call('GET', tenant)
    const { version, usage } = Tenant.parse(read.json)
    expect(read.headers.etag).toMatch(new RegExp(`^"${version}\\.`))
    expect(usage).toMatchObject({ running_sessions: 1, queued_sessions: 0, agents: 0, tokens_today: 0 })
    expect(usage.day_ends_at).toMatch(/T00:00:00\.000Z$/)
    expect(Date.parse(usage.day_ends_at) - Date.now()).toBeLessThanOrEqual(24 * 3_600_000)
  })

  test('is changed field by field, null lifts a limit, and from an old version nothing', async () => {
    const { version } = Tenant.parse((await call('GET', tenant)).json)
    const changed = await call('PATCH', tenant, { body: { max_tokens_per_day: 5, max_agents: 2 } })
    expect(changed.json).toMatchObject({ max_tokens_per_day: 5, max_agents: 2, max_running_sessions: 200 })
    const lifted = await call('PATCH', tenant, { body: { max_tokens_per_day: null } })
    expect(lifted.json).toMatchObject({ max_tokens_per_day: null, max_agents: 2, version: version + 2 })
    const old = { body: { max_agents: 9 }, headers: { 'if-match': `"${version}"` } }
    expect((await call('PATCH', tenant, old)).status).toBe(412)
    for (const [body, pointer] of [
      [{ max_agents: -1 }, '/max_agents'],
      [{ max_agents: null }, '/max_agents'],
      [{ max_tokens_per_day: 0 }, '/max_tokens_per_day'],
      [{ usage: {} }, '/usage'],
    ] as const)
      expect((await call('PATCH', tenant, { body })).json).toMatchObject({
        status: 400,
        errors: [{ pointer }],
      })
    expect((await call('GET', tenant)).json).toMatchObject({ max_agents: 2 })
  })

  test('has no more agents than its quota, and says what to do', async () => {
    await call('PATCH', tenant, { body: { max_agents: 0 } })
    const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
    const body = { name: 'one', engine, capabilities: ['TESTING'], capacity: 1 }
    const refused = Problem.parse((await call('POST', '/api/v1/agents', { body })).json)
    expect(refused).toMatchObject({ status: 409, code: 'quota_exceeded', retryable: false })
    expect(refused.detail).toMatch(/max_agents.*Remove one/)
    await call('PATCH', tenant, { body: { max_agents: 1_000 } })
  })
})

describe('requests a second', () => {
  const ask = makeThrottle()
  const redis = new Redis(testRedisUrl())
  const buckets = redisLimiter(redis)
  const { operator } = plant

  /** Of a bucket of its own. */
  async function burst(rate: number, count: number) {
    const name = `test:${rate}:${Date.now()}`
    return Promise.all(Array.from({ length: count }, () => buckets.take(name, rate)))
  }

  test('are let through as many as the bucket holds, and then as it refills', async () => {
    const began = Date.now()
    const verdicts = await burst(20, 60)
    const refilled = Math.ceil(((Date.now() - began) / 1_000) * 20)
    const allowed = verdicts.filter((verdict) => verdict?.allowed).length
    expect(allowed).toBeGreaterThanOrEqual(20)
    expect(allowed).toBeLessThanOrEqual(20 + refilled)
    const name = `refill:${Date.now()}`
    const taken = await Promise.all([buckets.take(name, 1), buckets.take(name, 1)])
    expect(taken).toEqual([
      { allowed: true, remaining: 0 },
      { allowed: false, remaining: 0 },
    ])
    // A second ago, as the bucket sees it.
    const at = Number(await redis.hget(`rate:{${name}}`, 'at'))
    await redis.hset(`rate:{${name}}`, 'at', at - 1_000)
    expect(await buckets.take(name, 1)).toEqual({ allowed: true, remaining: 0 })
    redis.disconnect()
  })

  test('are told in headers, and past the quota refused with a time to come again', async () => {
    const { headers } = await call('GET', '/api/v1/stats')
    expect(headers['ratelimit-policy']).toBe('"requests";q=100000;w=1')
    expect(headers.ratelimit).toMatch(/^"requests";r=\d+;t=1$/)
    services.limiter = { take: async () => ({ allowed: false, remaining: 0 }) }
    const refused = await call('POST', '/api/v1/sessions', { body: goal })
    expect(Problem.parse(refused.json)).toMatchObject({ status: 429, code: 'rate_limited', retryable: true })
    expect(refused.headers).toMatchObject({ 'retry-after': '1', ratelimit: '"requests";r=0;t=1' })
    expect((await call('GET', '/health')).status).toBe(200)
  })

  test('are counted for all keys of a tenant together, and for each agent apart', async () => {
    const asked: string[] = []
    services.limiter = {
      take: async (name) => {
        asked.push(name)
        return { allowed: true, remaining: 1 }
      },
    }
    const { agent, token } = await plant.register('counted', ['OTHER'])
    await call('GET', '/api/v1/stats')
    await call('GET', `/api/v1/agents/${agent.id}/inbox`, { token })
    expect(asked).toEqual([operator.tenant_id, `${operator.tenant_id}:${agent.id}`])
  })

  test('are all let through while Redis is away, which is said once and asked again later', async () => {
    const gone = new Redis('redis://127.0.0.1:1', {
      lazyConnect: true,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    })
    gone.on('error', () => {})
    const reasons: string[] = []
    let now = 0
    const away = redisLimiter(gone, { onAway: (reason) => reasons.push(reason), now: () => now })
    expect(await away.take('x', 1)).toBeNull()
    expect(await away.take('x', 1)).toBeNull()
    expect(reasons).toHaveLength(1)
    now = 6_000
    expect(await away.take('x', 1)).toBeNull()
    expect(reasons).toHaveLength(2)
    services.limiter = away
    const answer = await call('GET', '/api/v1/stats')
    expect(answer.status).toBe(200)
    expect(answer.headers.ratelimit).toBeUndefined()
    gone.disconnect()
  })

  test('that were changed hold within ten seconds, and null is no limit', async () => {
    const { database } = services
    const rates: number[] = []
    const counting = {
      take: async (_name: string, rate: number) => {
        rates.push(rate)
        return { allowed: true, remaining: 1 }
      },
    }
    let now = 0
    const throttle = makeThrottle(() => now)
    await call('PATCH', tenant, { body: { max_requests_per_second: 7 } })
    await throttle({ database, limiter: counting }, operator)
    await call('PATCH', tenant, { body: { max_requests_per_second: null } })
    await throttle({ database, limiter: counting }, operator)
    now = 10_001
    expect(await throttle({ database, limiter: counting }, operator)).toEqual({ allowed: true, headers: {} })
    expect(rates).toEqual([7, 7])
    await call('PATCH', tenant, { body: { max_requests_per_second: 100_000 } })
    expect(await ask({ database, limiter: counting }, operator)).toMatchObject({ allowed: true })
  })
})
