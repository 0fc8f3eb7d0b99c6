import type { Redis } from 'ioredis'
import { type Channel, keyOf, type LiveWake } from '#core/live/channel'
import type { Watch } from '#core/live/watch'
import { redisKeys } from '#core/lock/keys'

/**
 * Tells that something has changed: to who waits in a long poll, and to the broadcaster of those who watch.
 * Best effort: whoever waits looks again at its deadline, and whoever watches confirms.
 */
export type Bells = {
  /** To be called after the commit, and awaited: a function that has answered may be frozen. Never throws. */
  ring(channels: Channel[]): Promise<void>
  /** Resolves when the bell rings or after `ms`, whichever is first; `signal` ends the wait too. */
  wait(channel: Channel, ms: number, signal?: AbortSignal): Promise<void>
  end(): void
}

/** What wakes broadcasters: who is watched, and the queue. */
export type Broadcasts = { watch: Watch; wake: (wakes: LiveWake[]) => Promise<void> }

/** Each channel once, by its key. */
function once(channels: Channel[]) {
  return [...new Map(channels.map((channel) => [keyOf(channel), channel])).values()]
}

/** Bells over Redis' publish and subscribe, so that any process ends a poll held by another. */
export function redisBells(redis: Redis, subscriber: Redis, broadcasts?: Broadcasts): Bells {
  const waiting = new Map<string, Set<() => void>>()
  subscriber.on('message', (name: string) => {
    for (const wake of waiting.get(name) ?? []) wake()
  })

  function leave(name: string, wake: () => void) {
    const others = waiting.get(name)
    others?.delete(wake)
    if (others?.size !== 0) return
    waiting.delete(name)
    subscriber.unsubscribe(name).catch(() => {})
  }

  return {
    async ring(channels) {
      if (channels.length === 0) return
      const all = once(channels)
      const pipeline = redis.pipeline()
      for (const channel of all) pipeline.publish(redisKeys.bell(channel), '')
      // Nobody waits for this: it goes out before the question that is asked next.
      pipeline.exec().catch(() => {})
      if (!broadcasts) return
      const due = await broadcasts.watch.due(all)
      if (due.length > 0) await broadcasts.wake(due)
    },
    wait(channel, ms, signal) {
      const name = redisKeys.bell(channel)
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', done)
          leave(name, done)
          resolve()
        }
        const timer = setTimeout(done, ms)
        signal?.addEventListener('abort', done)
        const others = waiting.get(name)
        if (others) others.add(done)
        else {
          waiting.set(name, new Set([done]))
          subscriber.subscribe(name).catch(() => {})
        }
      })
    },
    end() {
      redis.disconnect()
      subscriber.disconnect()
    },
  }
}

/** Bells of one process: for tests and benchmarks that run everything in it. */
export function localBells(): Bells {
  const waiting = new Map<string, Set<() => void>>()
  return {
    async ring(channels) {
      for (const channel of once(channels))
        for (const wake of waiting.get(redisKeys.bell(channel)) ?? []) wake()
    },
    wait(channel, ms, signal) {
      const name = redisKeys.bell(channel)
      return new Promise((resolve) => {
        const others = waiting.get(name) ?? new Set()
        const done = () => {
          clearTimeout(timer)
          others.delete(done)
          if (others.size === 0) waiting.delete(name)
          resolve()
        }
        const timer = setTimeout(done, ms)
        signal?.addEventListener('abort', done, { once: true })
        waiting.set(name, others.add(done))
      })
    },
    end() {},
  }
}
