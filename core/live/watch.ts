import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { redisKeys } from '#core/lock/keys'
import type { Channel } from './channel.ts'
import { connectionSeconds } from './viewer.ts'

/**
 * What broadcasters remember in Redis. All of it may be lost: without a mark viewers hear by their next
 * confirmation, without a cursor a broadcast begins behind what they have confirmed.
 */
export type Watch = {
  /**
   * Somebody watches: to be called once the subscription is stored, before its log is read. `changed` when others
   * watch now than before, or somebody has begun to follow: the mark then gets a new token.
   */
  mark(channel: Channel, changed: boolean): Promise<void>
  /** The mark's token; null when nobody watches, or Redis is away. */
  token(channel: Channel): Promise<string | null>
  /** Which of the channels must be woken: watched, and not woken since they were last looked at. */
  due(channels: Channel[]): Promise<Channel[]>
  /** A look begins: from now on a change wakes again. To be called before anything is read. */
  begin(channel: Channel): Promise<{ token: string | null; cursor: number | null }>
  /** Moves the cursor, forward only. */
  advance(channel: Channel, seq: number): Promise<void>
  /** Nobody watches any more, unless somebody has come since the look that found so began. */
  unmark(channel: Channel, token: string): Promise<void>
  /** Whether the caller is the first to ask within `ms`. */
  first(what: 'snapshot' | 'retry', channel: Channel, ms: number): Promise<boolean>
  /** A look is on its way, by a wake with a delay or by the holder of the lease: no wake is needed until then. */
  expect(channel: Channel, ms: number): Promise<void>
}

/** Marks outlive every connection. */
const markMs = (connectionSeconds + 600) * 1_000
/** A wake that was lost keeps others back for this long. */
const pendingMs = 1_000
/** A channel that is quiet for longer begins anew at what its viewers have confirmed. */
const cursorMs = 60_000
/** After a failure Redis is not asked for this long, so that no commit waits for it. */
const blindMs = 2_000
const maxOwn = 10_000

const advanceScript = `
local at = tonumber(redis.call('get', KEYS[1]) or '-1')
if tonumber(ARGV[1]) > at then at = tonumber(ARGV[1]) end
redis.call('set', KEYS[1], string.format('%.0f', at), 'PX', ARGV[2])
return 0`

const unmarkScript = `
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('del', KEYS[1], KEYS[2])`

export function redisWatch(redis: Redis, now: () => number = Date.now): Watch {
  let blindUntil = 0
  /** What `first` was asked while Redis is away: this process alone then keeps the pace. */
  const own = new Map<string, number>()

  /** What Redis answers, or the fallback while it is away. */
  async function ask<T>(run: () => Promise<T>, fallback: T) {
    if (now() < blindUntil) return fallback
    try {
      return await run()
    } catch {
      blindUntil = now() + blindMs
      return fallback
    }
  }

  function firstHere(name: string, ms: number) {
    if ((own.get(name) ?? 0) > now()) return false
    if (own.size >= maxOwn) own.clear()
    own.set(name, now() + ms)
    return true
  }

  /** Replies of one round trip, in order. @throws what any of them failed with */
  async function together(pipeline: ReturnType<Redis['pipeline']>) {
    const replies = (await pipeline.exec()) ?? []
    return replies.map(([error, reply]) => {
      if (error) throw error
      return reply
    })
  }

  async function watched(channels: Channel[]) {
    const pipeline = redis.pipeline()
    for (const channel of channels) pipeline.exists(redisKeys.live(channel, 'watched'))
    const replies = await together(pipeline)
    return channels.filter((_, i) => replies[i] === 1)
  }

  /** Of the watched ones those whose wake is not on its way already. */
  async function unwoken(channels: Channel[]) {
    if (channels.length === 0) return []
    const pipeline = redis.pipeline()
    for (const channel of channels)
      pipeline.set(redisKeys.live(channel, 'pending'), '1', 'PX', pendingMs, 'NX')
    const replies = await together(pipeline)
    return channels.filter((_, i) => replies[i] === 'OK')
  }

  return {
    mark: (channel, changed) =>
      ask(async () => {
        const name = redisKeys.live(channel, 'watched')
        if (!changed && (await redis.pexpire(name, markMs)) === 1) return
        await redis.set(name, randomBytes(9).toString('base64'), 'PX', markMs)
      }, undefined),
    token: (channel) => ask(() => redis.get(redisKeys.live(channel, 'watched')), null),
    due: (channels) =>
      channels.length === 0
        ? Promise.resolve([])
        : ask(async () => unwoken(await watched(channels)), channels),
    begin: (channel) =>
      ask(
        async () => {
          const [, token, cursor] = await together(
            redis
              .pipeline()
              .del(redisKeys.live(channel, 'pending'))
              .get(redisKeys.live(channel, 'watched'))
              .get(redisKeys.live(channel, 'cursor')),
          )
          return {
            token: typeof token === 'string' ? token : null,
            cursor: typeof cursor === 'string' ? Number(cursor) : null,
          }
        },
        { token: null, cursor: null },
      ),
    advance: (channel, seq) =>
      ask(async () => {
        await redis.eval(advanceScript, 1, redisKeys.live(channel, 'cursor'), seq, cursorMs)
      }, undefined),
    unmark: (channel, token) =>
      ask(async () => {
        await redis.eval(
          unmarkScript,
          2,
          redisKeys.live(channel, 'watched'),
          redisKeys.live(channel, 'cursor'),
          token,
        )
      }, undefined),
    first: (what, channel, ms) =>
      ask(
        async () => (await redis.set(redisKeys.live(channel, what), '1', 'PX', ms, 'NX')) === 'OK',
        null,
      ).then((known) => known ?? firstHere(redisKeys.live(channel, what), ms)),
    expect: (channel, ms) =>
      ask(async () => {
        await redis.set(redisKeys.live(channel, 'pending'), '1', 'PX', ms)
      }, undefined),
  }
}
