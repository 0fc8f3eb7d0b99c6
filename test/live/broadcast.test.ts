import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { inboxes } from '#core/agent/inboxes'
import { createKey } from '#core/key/create'
import { endedKeys } from '#core/key/ended'
import { revokeKey } from '#core/key/revoke'
import { broadcast, leaseMs } from '#core/live/broadcast'
import { channelOf, keyOf, type LiveWake } from '#core/live/channel'
import { openEventCache } from '#core/live/event-cache'
import { type Holds, holdMs, maxLate } from '#core/live/fan-out'
import { rosterOf } from '#core/live/roster'
import type { LiveServices } from '#core/live/services'
import type { Posted, Viewer, Viewers } from '#core/live/viewer'
import { redisWatch } from '#core/live/watch'
import { leaseNames, redisKeys } from '#core/lock/keys'
import { redisLeases } from '#core/lock/lease'
import { patchSession } from '#core/session/control'
import { createSession } from '#core/session/create'
import { NewSession } from '#core/session/session'
import { redisBells } from '#core/wake/bell'
import { testDatabase, testRedisUrl } from '../database.ts'
import { openPlant } from '../plant.ts'
import { upTo } from './open.ts'

const { url } = await testDatabase()
const plant = openPlant(url, { automatic: false })
const redis = new Redis(testRedisUrl())
const away = new Redis({ port: 1, lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null })
away.on('error', () => {})
const { services, operator } = plant
const { tenant_id } = operator
afterAll(async () => {
  redis.disconnect()
  away.disconnect()
  await plant.close()
})

/** Subscriptions in memory, and sockets that answer as a test says. */
function openLive(connection: Redis = redis) {
  const rows = new Map<string, Viewer[]>()
  const heard = new Map<string, string[]>()
  const wakes: LiveWake[] = []
  const closed: string[] = []
  let answer: (connection_id: string) => Promise<Posted> = async () => 'sent'
  let gathering = async () => {}
  const of = (key: string) => rows.get(key) ?? []
  const remove = (key: string, id: string) =>
    rows.set(
      key,
      of(key).filter(({ connection_id }) => connection_id !== id),
    )
  const viewers: Viewers = {
    connect: async () => {},
    disconnect: async (id) => {
      for (const key of rows.keys()) remove(key, id)
    },
    join: async () => 'unknown',
    leave: async () => null,
    drop: async (key, id) => {
      remove(key, id)
    },
    put: async (key, viewer) => {
      rows.set(key, [...of(key), viewer])
    },
    replayed: async () => {},
    of: async (key) => of(key),
  }
  const watch = redisWatch(connection)
  const live: LiveServices = {
    database: services.database,
    inbox: inboxes(services.database),
    viewers,
    roster: rosterOf(viewers, watch),
    cache: openEventCache(),
    sockets: {
      async post(id, text) {
        const posted = await answer(id)
        if (posted === 'sent') heard.set(id, [...(heard.get(id) ?? []), text])
        return posted
      },
      close: async (id) => {
        closed.push(id)
      },
    },
    watch,
    leases: redisLeases(connection, { ttl_ms: leaseMs }),
    ended: endedKeys(services.database),
    wake: async (more) => {
      wakes.push(...more)
    },
    report: () => {},
    now: Date.now,
    pause: () => gathering(),
  }
  const holds: Holds = new Map()
  return {
    live,
    viewers,
    watch,
    wakes,
    closed,
    holds,
    answers: (how: typeof answer) => {
      answer = how
    },
    /** What goes on while a broadcast gathers, once. */
    meanwhile(run: () => Promise<void>) {
      gathering = () => {
        gathering = async () => {}
        return run()
      }
    },
    frames: (id: string) => heard.get(id)?.length ?? 0,
    async watches(id: string, session_id: string, after = 0, key_id: string | null = null) {
      const channel = channelOf.session(tenant_id, session_id)
      const viewer = { connection_id: id, tenant_id, key_id, after, replaying_until: 0, seen_at: Date.now() }
      await viewers.put(keyOf(channel), viewer)
      await watch.mark(channel, true)
    },
    seqs: (id: string): number[] =>
      (heard.get(id) ?? []).flatMap((text) => JSON.parse(text).events.map(({ seq }: { seq: number }) => seq)),
    look: (session_id: string) => broadcast(live, holds, [{ kind: 'session', tenant_id, id: session_id }]),
  }
}

let session_id = ''
let one = openLive()
beforeEach(async () => {
  one = openLive()
  const input = NewSession.parse({ title: 'Goal', prompt: 'Reach it.' })
  session_id = (await createSession(services, operator, input)).id
})
const touch = () => patchSession(services, operator, session_id, { title: randomUUID() }, null)

describe('a broadcast', () => {
  test('gathers: what comes shortly after a post shares the next', async () => {
    await one.watches('a', session_id)
    one.meanwhile(async () => {
      for (let n = 0; n < 3; n++) {
        await touch()
        await one.look(session_id)
      }
    })
    await touch()
    await one.look(session_id)
    expect(one.frames('a')).toBe(2)
    expect(one.seqs('a')).toEqual(upTo(one.seqs('a').length))
    expect(one.seqs('a').length).toBeGreaterThan(4)
  })

  test('finds what is committed while it gathers by itself: such a commit wakes nobody', async () => {
    await one.watches('a', session_id)
    const due: unknown[] = []
    one.meanwhile(async () => {
      await touch()
      due.push(...(await one.watch.due([channelOf.session(tenant_id, session_id)])))
    })
    await one.look(session_id)
    expect({ due, seqs: one.seqs('a') }).toEqual({ due: [], seqs: [1, 2] })
  })

  test('wakes again for what comes after its last look', async () => {
    await one.watches('a', session_id)
    await one.look(session_id)
    await touch()
    const channel = channelOf.session(tenant_id, session_id)
    expect(await one.watch.due([channel])).toEqual([channel])
  })

  test('hands a session that never rests on before its function runs out of time', async () => {
    await one.watches('a', session_id)
    let now = Date.now()
    one.live.now = () => now
    one.live.pause = async () => {
      now += 1_000
      await touch()
    }
    await one.look(session_id)
    expect(now - Date.now()).toBeLessThan(20_000)
    expect(one.wakes).toEqual([{ kind: 'session', tenant_id, id: session_id }])
    expect(await one.live.leases.acquire([`broadcast:session:${session_id}`])).toHaveLength(1)
  })

  test('of a channel that was quiet reads its viewers once', async () => {
    await one.watches('a', session_id)
    const of = vi.spyOn(one.viewers, 'of')
    await one.look(session_id)
    expect(of).toHaveBeenCalledTimes(1)
    expect(one.seqs('a')).toEqual([1])
  })

  test('posts what is behind the cursor, once', async () => {
    await one.watches('a', session_id)
    await one.look(session_id)
    await touch()
    await one.look(session_id)
    await one.look(session_id)
    expect(one.seqs('a')).toEqual([1, 2])
  })

  test('leaves out and closes whose key was revoked, 5 s after at the latest, and nobody else', async () => {
    const make = () =>
      createKey(services, operator, { name: 'viewer', scopes: ['sessions:read'], expires_at: null })
    const [{ key: good }, { key: bad }] = [await make(), await make()]
    let now = Date.now()
    one.live.ended = endedKeys(services.database, () => now)
    await one.watches('good', session_id, 0, good.id)
    await one.watches('bad', session_id, 0, bad.id)
    await one.look(session_id)
    await revokeKey(services, operator, bad.id)
    now += 5_000
    await touch()
    await one.look(session_id)
    expect({ good: one.seqs('good'), bad: one.seqs('bad') }).toEqual({ good: [1, 2], bad: [1] })
    expect(one.closed).toEqual(['bad'])
  })

  test('that was killed mid-way is done again from where it began, so that nothing is left out', async () => {
    for (const id of ['a', 'b']) await one.watches(id, session_id)
    // The process dies before it has noted how far it came, and cannot give its lease back.
    const { leases } = one.live
    one.live.watch = { ...one.watch, advance: () => Promise.reject(new Error('killed')) }
    one.live.leases = { ...leases, leave: async () => [] }
    expect(await one.look(session_id)).toHaveLength(1)
    await redis.del(redisKeys.lease(leaseNames.broadcast(channelOf.session(tenant_id, session_id))))
    one.live.watch = one.watch
    one.live.leases = leases
    await touch()
    await one.look(session_id)
    for (const id of ['a', 'b']) expect(one.seqs(id)).toEqual([1, 1, 2])
  })

  test('that finds the lease of a dead one taken asks for a look once the lease is over', async () => {
    await one.watches('a', session_id)
    await one.live.leases.acquire([leaseNames.broadcast(channelOf.session(tenant_id, session_id))])
    await one.look(session_id)
    await one.look(session_id)
    expect(one.seqs('a')).toEqual([])
    expect(one.wakes).toEqual([
      { kind: 'session', tenant_id, id: session_id, delay_seconds: leaseMs / 1_000 + 1 },
    ])
  })

  test('goes on while events come, though their wakes find the lease taken', async () => {
    await one.watches('a', session_id)
    const looks: Promise<unknown>[] = []
    one.answers(async () => {
      if (looks.length < 10) looks.push(touch().then(() => one.look(session_id)))
      return 'sent'
    })
    await one.look(session_id)
    await vi.waitFor(() => expect(looks).toHaveLength(10), { timeout: 20_000 })
    await Promise.all(looks)
    await vi.waitFor(() => expect([...new Set(one.seqs('a'))]).toEqual(upTo(11)), { timeout: 20_000 })
  })

  test('waits for no viewer that does not answer', async () => {
    for (const id of ['dead', 'a', 'b']) await one.watches(id, session_id)
    let release = (_posted: Posted) => {}
    const never = new Promise<Posted>((resolve) => {
      release = resolve
    })
    one.answers((id) => (id === 'dead' ? never : Promise.resolve('sent')))
    const first = one.look(session_id)
    await vi.waitFor(() => expect([one.seqs('a'), one.seqs('b')]).toEqual([[1], [1]]))
    await touch()
    // The first call still waits for the dead one's deadline, but holds no lease any more.
    await vi.waitFor(
      async () => {
        const second = one.look(session_id)
        await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 50))])
        expect([one.seqs('a'), one.seqs('b')]).toEqual([upTo(2), upTo(2)])
      },
      { timeout: 20_000 },
    )
    release('late')
    await first
    expect(one.holds.get('dead')?.times).toBeGreaterThan(0)
  })

  test('leaves a late viewer alone for a while, and ends it the fifth time', async () => {
    for (const id of ['late', 'a']) await one.watches(id, session_id)
    let now = Date.now()
    one.live.now = () => now
    let tries = 0
    one.answers(async (id) => {
      if (id !== 'late') return 'sent'
      tries += 1
      return 'late'
    })
    await one.look(session_id)
    await touch()
    await one.look(session_id)
    expect(tries).toBe(1)
    for (let times = 1; times < maxLate; times++) {
      now += holdMs * 2 ** times
      await touch()
      await one.look(session_id)
    }
    expect(one.closed).toEqual(['late'])
    expect(tries).toBe(maxLate)
    expect(one.seqs('a')).toEqual(upTo(maxLate + 1))
  })

  test('of a session that nobody watches any more takes its mark away, unless somebody comes meanwhile', async () => {
    const channel = channelOf.session(tenant_id, session_id)
    await one.watches('a', session_id)
    one.answers(async () => 'gone')
    await one.look(session_id)
    await touch()
    const { token } = await one.watch.begin(channel)
    await one.watch.mark(channel, true)
    await one.watch.unmark(channel, token ?? '')
    expect(await one.watch.due([channel])).toEqual([channel])
    await one.look(session_id)
    await touch()
    await one.look(session_id)
    expect(await one.watch.due([channel])).toEqual([])
  })

  test('without Redis begins behind what its viewers have confirmed', async () => {
    const blind = openLive(away)
    await touch()
    await touch()
    await blind.watches('a', session_id, 1)
    await blind.watches('b', session_id, 2)
    await blind.look(session_id)
    // One frame for all: whoever had 2 already drops it.
    for (const id of ['a', 'b']) expect(blind.seqs(id)).toEqual([2, 3])
  })

  test('sends a viewer no frame that it has been replayed', async () => {
    await touch()
    await one.watches('new', session_id, 2)
    await one.watches('old', session_id, 0)
    await one.look(session_id)
    expect([one.seqs('new'), one.seqs('old')]).toEqual([[], [1, 2]])
  })
})

describe('a ring', () => {
  const channel = () => channelOf.session(tenant_id, session_id)
  const ringing = (connection: Redis) => {
    const sent: LiveWake[] = []
    const wake = async (wakes: LiveWake[]) => {
      sent.push(...wakes)
    }
    return { sent, bells: redisBells(connection, redis, { watch: redisWatch(connection), wake }) }
  }

  test('for what nobody watches wakes nobody', async () => {
    const { sent, bells } = ringing(redis)
    await bells.ring([channel()])
    expect(sent).toEqual([])
  })

  test('wakes once until the broadcaster looks', async () => {
    const { sent, bells } = ringing(redis)
    await one.watches('a', session_id)
    await bells.ring([channel(), channel()])
    await bells.ring([channel()])
    expect(sent).toEqual([channel()])
    await one.look(session_id)
    await bells.ring([channel()])
    expect(sent).toHaveLength(2)
  })

  test('without Redis wakes in any case, and soon without asking', async () => {
    const { sent, bells } = ringing(away)
    await bells.ring([channel()])
    const began = performance.now()
    for (let i = 0; i < 50; i++) await bells.ring([channel()])
    expect(performance.now() - began).toBeLessThan(500)
    expect(sent).toHaveLength(51)
  })
})
