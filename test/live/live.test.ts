import { PurgeQueueCommand, SQSClient } from '@aws-sdk/client-sqs'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { defaultTenant } from '#core/actor'
import { newId } from '#core/id'
import { channelOf, keyOf } from '#core/live/channel'
import { maxSubscriptions } from '#core/live/viewer'
import { leaseNames, redisKeys } from '#core/lock/keys'
import { waitFor } from '#local/wait'
import { deadline, openCloud, upTo } from './open.ts'

// Every test goes through all parts of the cloud, each with deadlines of its own.
vi.setConfig({ testTimeout: 2 * deadline })
const live = await openCloud()
const redis = new Redis(live.cloud.environment.REDIS_URL ?? '')
afterAll(() => redis.disconnect())

/** A viewer of a session that follows it already. */
async function follower(id: string, after = 0) {
  const viewer = await live.connect()
  viewer.subscribe(`session:${id}`, after)
  await viewer.hears(({ type }) => type === 'subscribed')
  return viewer
}

describe('a subscription', () => {
  test('is replayed to and then follows, in order and without a gap', async () => {
    const id = await live.session()
    for (let i = 0; i < 20; i++) await live.touch(id, `before ${i}`)
    const viewer = await live.connect()
    viewer.subscribe(`session:${id}`)
    const { last_seq = 0 } = await viewer.hears(({ type }) => type === 'subscribed')
    expect(last_seq).toBe(21)
    await viewer.hears(({ to }) => to === last_seq)
    for (let i = 0; i < 20; i++) await live.touch(id, `after ${i}`)
    await viewer.hears(({ to }) => to === last_seq + 20)
    expect([...new Set(viewer.seqs(`session:${id}`))]).toEqual(upTo(41))
  })

  test('begins behind its own seq', async () => {
    const id = await live.session()
    for (let i = 0; i < 4; i++) await live.touch(id, `title ${i}`)
    const viewer = await follower(id, 3)
    await viewer.hears(({ to }) => to === 5)
    expect(viewer.seqs(`session:${id}`)).toEqual([4, 5])
  })

  test('misses nothing, whenever it begins while events come', async () => {
    const id = await live.session()
    const events = 30
    const writing = (async () => {
      for (let i = 1; i < events; i++) await live.touch(id, `title ${i}`)
    })()
    const viewers = []
    for (let i = 0; i < 5; i++) viewers.push(await follower(id))
    await writing
    for (const viewer of viewers) {
      await viewer.hears(({ to }) => to === events)
      const seen = [...new Set(viewer.seqs(`session:${id}`))]
      expect(seen.toSorted((a, b) => a - b)).toEqual(upTo(events))
    }
  })

  test('ends when it is asked to, and the others go on', async () => {
    const id = await live.session()
    const [leaver, stayer] = [await follower(id), await follower(id)]
    leaver.send({ action: 'unsubscribe', channel: `session:${id}` })
    leaver.send({ action: 'ping' })
    await leaver.hears(({ type }) => type === 'pong')
    await waitFor('the row to go', deadline, async () => ((await watchers(id)) === 1 ? true : null))
    await live.touch(id, 'after')
    await stayer.hears(({ to }) => to === 2)
    await live.touch(id, 'again')
    await stayer.hears(({ to }) => to === 3)
    expect(leaver.seqs(`session:${id}`)).toEqual([1])
  })

  test('is confirmed by subscribing again, which sends only what is missing', async () => {
    const id = await live.session()
    await live.touch(id, 'second')
    const viewer = await follower(id)
    await viewer.hears(({ to }) => to === 2)
    const before = viewer.heard.length
    viewer.subscribe(`session:${id}`, 2)
    expect((await viewer.hears(({ type }) => type === 'subscribed', before)).last_seq).toBe(2)
    viewer.subscribe(`session:${id}`, 1)
    await viewer.hears(({ from, to }) => from === 2 && to === 2, before)
    expect(viewer.seqs(`session:${id}`)).toEqual([1, 2, 2])
  })

  test('is found wanting by its confirmation when the queue was lost', async () => {
    const id = await live.session()
    const viewer = await follower(id)
    await viewer.hears(({ to }) => to === 1)
    // A wake that is on its way keeps others back: this one never comes, as after a purge.
    await redis.set(redisKeys.live(channelOf.session(defaultTenant, id), 'pending'), '1', 'PX', 60_000)
    await live.touch(id, 'unheard')
    const client = new SQSClient({})
    await client.send(new PurgeQueueCommand({ QueueUrl: live.cloud.environment.QUEUE_BROADCAST_URL }))
    client.destroy()
    viewer.subscribe(`session:${id}`, 1)
    await viewer.hears(({ to }) => to === 2)
    expect([...new Set(viewer.seqs(`session:${id}`))]).toEqual([1, 2])
  })

  test('goes on after its broadcaster has died with the lease, at its confirmation at once and by itself later', async () => {
    const id = await live.session()
    const [one, other] = [await follower(id), await follower(id)]
    await Promise.all([one, other].map((viewer) => viewer.hears(({ to }) => to === 1)))
    const lease = redisKeys.lease(leaseNames.broadcast(channelOf.session(defaultTenant, id)))
    await redis.set(lease, 'dead', 'PX', 5_000)
    await live.touch(id, 'under a dead lease')
    await waitFor('the mark at the lease', deadline, async () => redis.get(`${lease}:again`))
    one.subscribe(`session:${id}`, 1)
    await one.hears(({ to }) => to === 2)
    await other.hears(({ to }) => to === 2)
  })
})

describe('a frame that is none of ours', () => {
  test.each([
    ['no JSON', '{', '', 'must be a JSON object'],
    ['a list', [], '', 'must be a JSON object'],
    ['no action', {}, '/action', 'must be subscribe, unsubscribe or ping'],
    ['an inherited name', { action: 'toString' }, '/action', 'must be subscribe'],
    ['no channel', { action: 'subscribe' }, '/channel', 'must be session:<id>'],
    [
      'a channel that is none',
      { action: 'subscribe', channel: 'session:1' },
      '/channel',
      'must be session:<id>',
    ],
    ['a seq that is none', { action: 'subscribe', channel: 'fleet', after: -1 }, '/after', 'whole number'],
    ['a field too many', { action: 'ping', more: 1 }, '/more', 'is no field of ping'],
    ['too much', { action: 'ping', more: 'x'.repeat(5_000) }, '', 'at most 4096 bytes'],
  ])('with %s is answered with the field and the remedy', async (_name, frame, pointer, remedy) => {
    const viewer = await live.connect()
    viewer.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
    const said = await viewer.hears(({ type }) => type === 'error')
    expect(said).toMatchObject({ code: 'invalid_input', retryable: false, errors: [{ pointer }] })
    expect(said.message).toContain(remedy)
    viewer.send({ action: 'ping' })
    await viewer.hears(({ type }) => type === 'pong')
  })

  test('for a session that there is not leaves no subscription', async () => {
    const viewer = await live.connect()
    const none = `ses_${'0'.repeat(26)}`
    viewer.subscribe(`session:${none}`)
    expect(await viewer.hears(({ type }) => type === 'error')).toMatchObject({
      code: 'not_found',
      channel: `session:${none}`,
    })
    expect(await watchers(none)).toBe(0)
  })
})

test('a connection holds 50 subscriptions, and more when it gives one up', async () => {
  const [first, last] = [await live.session(), await live.session()]
  const viewer = await follower(first)
  const [mine] = await live.viewers.of(keyOf(channelOf.session(defaultTenant, first)))
  // The others are counted only: what they are of does not matter to the limit.
  for (let i = 1; i < maxSubscriptions; i++)
    await live.viewers.join(mine?.connection_id ?? '', `session:${newId('session')}`)
  viewer.subscribe(`session:${last}`)
  const refused = await viewer.hears(({ type }) => type === 'error')
  expect(refused).toMatchObject({ code: 'too_many_subscriptions', channel: `session:${last}` })
  viewer.send({ action: 'unsubscribe', channel: `session:${first}` })
  await waitFor('the row to go', deadline, async () => ((await watchers(first)) === 0 ? true : null))
  viewer.subscribe(`session:${last}`)
  await viewer.hears(({ type, channel }) => type === 'subscribed' && channel === `session:${last}`)
})

describe('an end', () => {
  test('takes all subscriptions with it', async () => {
    const ids = [await live.session(), await live.session()]
    const viewer = await live.connect()
    for (const id of ids) viewer.subscribe(`session:${id}`)
    await viewer.hears(({ channel, to }) => channel === `session:${ids[1]}` && to === 1)
    await viewer.hears(({ channel, to }) => channel === `session:${ids[0]}` && to === 1)
    viewer.close()
    for (const id of ids)
      await waitFor('the rows to go', deadline, async () => ((await watchers(id)) === 0 ? true : null))
  })

  test('that nobody told of is found by the next frame', async () => {
    const id = await live.session()
    const viewer = await follower(id)
    await live.viewers.put(keyOf(channelOf.session(live.tenant_id, id)), {
      connection_id: 'Z29uZSBnb25lIQE=',
      tenant_id: live.tenant_id,
      ...{ key_id: null, after: 0, replaying_until: 0, seen_at: Date.now() },
    })
    await live.touch(id, 'title')
    await viewer.hears(({ to }) => to === 2)
    await waitFor('the row to go', deadline, async () => ((await watchers(id)) === 1 ? true : null))
  })
})

describe('the fleet', () => {
  test('is told at once, and then at most once a second while it changes, the last state too', async () => {
    const viewer = await live.connect()
    viewer.subscribe('fleet')
    await viewer.hears(({ type }) => type === 'fleet')
    const began = performance.now()
    let id = ''
    for (let i = 0; i < 30; i++) id = await live.session(`fleet ${i}`)
    const shows = (frame: object) => JSON.stringify(frame).includes(id)
    await viewer.hears((frame) => frame.type === 'fleet' && shows(frame))
    const seconds = (performance.now() - began) / 1_000
    const snapshots = viewer.heard.filter(({ type }) => type === 'fleet').length
    expect(snapshots - 1).toBeLessThanOrEqual(Math.ceil(seconds) + 1)
  })

  test('of nobody who watches wakes nobody', async () => {
    const id = await live.session()
    await live.touch(id, 'unwatched')
    expect(await redis.exists(redisKeys.live(channelOf.session(defaultTenant, id), 'pending'))).toBe(0)
    const viewer = await follower(id)
    viewer.close()
    await waitFor('the row to go', deadline, async () => ((await watchers(id)) === 0 ? true : null))
    // The first look that finds nobody takes the mark away.
    await waitFor('the mark to go', deadline, async () => {
      await live.touch(id, 'still unwatched')
      return (await redis.exists(redisKeys.live(channelOf.session(defaultTenant, id), 'watched'))) === 0
        ? true
        : null
    })
  })
})

async function watchers(id: string) {
  return (await live.viewers.of(keyOf(channelOf.session(defaultTenant, id)))).length
}
