import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { defaultTenant } from '#core/actor'
import { redisKeys } from '#core/lock/keys'
import { redisLeases } from '#core/lock/lease'
import { redisPresence } from '#core/lock/presence'
import { testRedisUrl } from '../database.ts'

const long = 60_000
let redis: Redis
const away = new Redis({
  port: 1,
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
})
away.on('error', () => {})

beforeAll(() => {
  redis = new Redis(testRedisUrl())
})
afterAll(() => {
  redis.disconnect()
  away.disconnect()
})

describe('a lease', () => {
  const aName = () => `test:${randomUUID()}`

  it('has one holder, however many ask at once', async () => {
    const name = aName()
    const conflicts: string[] = []
    const leases = redisLeases(redis, { ttl_ms: long, onConflict: (what) => conflicts.push(what) })
    const asked = await Promise.all(Array.from({ length: 10 }, () => leases.acquire([name])))
    expect(asked.flat()).toHaveLength(1)
    expect(conflicts).toEqual(Array(9).fill(name))
  })

  it('is not taken by who asked so long ago that nobody waits for the answer', async () => {
    const name = aName()
    const late = redisLeases(redis, { ttl_ms: long, now: () => Date.now() - 2_000 })
    expect(await late.acquire([name])).toEqual([{ name, fence: 0 }])
    const leases = redisLeases(redis, { ttl_ms: long })
    expect((await leases.acquire([name]))[0]?.fence).toBe(1)
  })

  it('answers those that were free', async () => {
    const [taken, free] = [aName(), aName()]
    const leases = redisLeases(redis, { ttl_ms: long })
    await leases.acquire([taken])
    expect((await leases.acquire([taken, free])).map(({ name }) => name)).toEqual([free])
  })

  it('ends by itself when its holder is gone', async () => {
    const name = aName()
    await redisLeases(redis, { ttl_ms: 40 }).acquire([name])
    const leases = redisLeases(redis, { ttl_ms: long })
    expect(await leases.acquire([name])).toEqual([])
    await vi.waitFor(async () => expect(await leases.acquire([name])).toHaveLength(1), { timeout: 5_000 })
  })

  it('has a fencing number that only grows', async () => {
    const name = aName()
    const leases = redisLeases(redis, { ttl_ms: long })
    const fences: number[] = []
    for (let i = 0; i < 5; i++) {
      const held = await leases.acquire([name])
      fences.push(...held.map(({ fence }) => fence))
      await leases.release(held)
    }
    expect(fences).toHaveLength(5)
    for (let i = 1; i < 5; i++) expect(fences[i]).toBeGreaterThan(fences[i - 1] ?? 0)
  })

  it('stays held and is looked at again when somebody was refused meanwhile', async () => {
    const name = aName()
    const leases = redisLeases(redis, { ttl_ms: long })
    const held = await leases.acquire([name])
    await leases.acquire([name])
    await leases.acquire([name])
    expect(await leases.release(held)).toEqual(held)
    expect(await leases.release(held)).toEqual([])
    expect(await leases.acquire([name])).toHaveLength(1)
  })

  it('ends when it is left, marked or not, and says that it was marked', async () => {
    const leases = redisLeases(redis, { ttl_ms: long })
    const name = `left:${randomUUID()}`
    const held = await leases.acquire([name])
    expect(await leases.acquire([name])).toEqual([])
    expect(await leases.leave(held)).toEqual(held)
    const next = await leases.acquire([name])
    expect(next).toHaveLength(1)
    expect(await leases.leave(next)).toEqual([])
  })

  it('is kept by who looks again: also when it has run out, but not when another has taken it', async () => {
    const name = aName()
    const leases = redisLeases(redis, { ttl_ms: long })
    const held = await leases.acquire([name])
    await leases.acquire([name])
    expect(await leases.keep(held)).toEqual(held)
    // It looks again anyway: who had rung is heard by that.
    expect(await leases.release(held)).toEqual([])
    const lost = await leases.acquire([name])
    await redis.del(`lease:{${name}}`)
    expect(await leases.keep(lost)).toEqual(lost)
    expect(await leases.acquire([name])).toEqual([])
    await redis.del(`lease:{${name}}`)
    await leases.acquire([name])
    expect(await leases.keep(lost)).toEqual([])
  })

  it('is not released by an earlier holder, whose number is stale', async () => {
    const name = aName()
    const leases = redisLeases(redis, { ttl_ms: long })
    const [first] = await leases.acquire([name])
    if (!first) throw new Error('not acquired')
    await redis.del(redisKeys.lease(name))
    const second = await leases.acquire([name])
    expect(await leases.release([first])).toEqual([])
    expect(await leases.acquire([name])).toEqual([])
    expect(second).toHaveLength(1)
  })

  it('lets everybody through while Redis is away: correctness does not hang on it', async () => {
    const leases = redisLeases(away, { ttl_ms: long })
    const held = await leases.acquire(['session:x'])
    expect(held).toEqual([{ name: 'session:x', fence: 0 }])
    expect(await leases.release(held)).toEqual([])
  })
})

describe('presence', () => {
  const a = { tenant_id: defaultTenant, id: 'a' }
  const b = { tenant_id: defaultTenant, id: 'b' }
  /** Keys of its own, so that its epoch is no other file's; and a clock in the test's hands. */
  function presenceAt(ttl_ms = long) {
    const own = new Redis(testRedisUrl(), { keyPrefix: `${randomUUID()}:` })
    let now = 1_000_000
    const presence = redisPresence(own, { ttl_ms, now: () => now })
    return {
      presence,
      own,
      pass: (ms: number) => {
        now += ms
      },
      [Symbol.dispose]: () => own.disconnect(),
    }
  }

  it('tells who is silent once Redis has been up for a while', async () => {
    using test = presenceAt()
    await test.presence.beat(a)
    test.pass(long)
    expect(await test.presence.alive([a, b])).toEqual(new Set(['a']))
  })

  it('ends when the heartbeats do', async () => {
    using test = presenceAt(50)
    await test.presence.beat(a)
    test.pass(60)
    await vi.waitFor(async () => expect(await test.presence.alive([a])).toEqual(new Set()), {
      timeout: 5_000,
    })
  })

  it('declares nobody silent while Redis is young, or has lost what it knew', async () => {
    using test = presenceAt()
    expect(await test.presence.alive([a])).toBeNull()
    await test.presence.beat(b)
    test.pass(long - 1)
    expect(await test.presence.alive([a, b])).toBeNull()
    test.pass(1)
    expect(await test.presence.alive([a, b])).toEqual(new Set(['b']))
    await test.own.del('presence:epoch')
    expect(await test.presence.alive([a, b])).toBeNull()
  })

  it('declares nobody silent after a restart of a Redis that keeps its data', async () => {
    using test = presenceAt()
    await test.own.set('presence:epoch', 'another-process 0')
    expect(await test.presence.alive([a])).toBeNull()
    await test.presence.beat(b)
    expect(await test.presence.alive([a, b])).toBeNull()
    test.pass(long)
    expect(await test.presence.alive([a, b])).toEqual(new Set(['b']))
  })

  it('declares nobody silent while Redis is away, and a heartbeat does not fail for it', async () => {
    const presence = redisPresence(away, { ttl_ms: long })
    await presence.beat(a)
    expect(await presence.alive([a])).toBeNull()
    expect(await presence.missed(a, ['t:1'])).toEqual(new Map())
  })

  it('knows how long ago it heard of whom, and of nobody while Redis is away', async () => {
    using test = presenceAt()
    await test.presence.beat(a)
    const heard = await test.presence.heard([a, b])
    expect([...heard.keys()]).toEqual(['a'])
    expect(heard.get('a')).toBeGreaterThanOrEqual(0)
    expect(heard.get('a')).toBeLessThan(long)
    await test.own.pexpire(redisKeys.presence(a), 1_000)
    expect((await test.presence.heard([a])).get('a')).toBeGreaterThanOrEqual(long - 1_000)
    expect(await redisPresence(away, { ttl_ms: long }).heard([a])).toEqual(new Map())
  })

  it('counts how often in a row a task was not named', async () => {
    using test = presenceAt()
    const missed = async (...tasks: string[]) => Object.fromEntries(await test.presence.missed(a, tasks))
    expect(await missed('t:1')).toEqual({ 't:1': 1 })
    expect(await missed('t:1', 't:2')).toEqual({ 't:1': 2, 't:2': 1 })
    expect(await missed('t:2')).toEqual({ 't:2': 2 })
    expect(await missed()).toEqual({})
    expect(await missed('t:2')).toEqual({ 't:2': 1 })
  })
})
