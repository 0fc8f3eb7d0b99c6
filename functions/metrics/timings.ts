import type { Redis } from 'ioredis'
import type { GlobalKey } from '#core/lock/keys'
import { buckets, type MetricName, type metrics } from './names.ts'

type NamesOf<Type extends 'histogram' | 'counter'> = {
  [Name in MetricName]: (typeof metrics)[Name]['type'] extends Type ? Name : never
}[MetricName]

/** What one process measured, added to Redis once an invocation. May be lost; no request waits for it more than a moment. */
export type Timings = {
  /** Labels in the order of the metric's own. */
  observe(name: NamesOf<'histogram'>, labels: readonly string[], seconds: number): void
  count(name: NamesOf<'counter'>): void
  /** To be awaited at the end of an invocation: after it the process may be frozen. Never throws. */
  flush(): Promise<void>
}

/** A hash of integers by [metric, labels, place]: how often each bucket was hit (the last is above all), and the sum in µs. */
export const timingsKey = 'metrics:timings' satisfies GlobalKey
/** Open connections, by when they end by themselves at the latest. */
export const socketsKey = 'metrics:sockets' satisfies GlobalKey
export const fieldOf = (name: string, labels: readonly string[], place: number | 'sum') =>
  JSON.stringify([name, labels, place])

/** In ms. */
const patienceMs = 100
/** Fields that a process holds between two flushes; they are bounded by their labels anyway. */
const mostHeld = 5_000

/** Adds up in this process, and hands over to Redis. While Redis is away what was measured is let go. */
export function redisTimings(redis: Redis): Timings {
  let held = new Map<string, number>()

  function add(field: string, n: number) {
    if (held.size < mostHeld || held.has(field)) held.set(field, (held.get(field) ?? 0) + n)
  }

  return {
    observe(name, labels, seconds) {
      const found = buckets.findIndex((bound) => seconds <= bound)
      add(fieldOf(name, labels, found === -1 ? buckets.length : found), 1)
      add(fieldOf(name, labels, 'sum'), Math.max(0, Math.round(seconds * 1_000_000)))
    },
    count: (name) => add(fieldOf(name, [], 0), 1),
    async flush() {
      const all = held
      held = new Map()
      if (all.size === 0) return
      await unlessAway(redis, () => {
        const pipeline = redis.pipeline()
        for (const [field, n] of all) pipeline.hincrby(timingsKey, field, n)
        return pipeline.exec()
      })
    },
  }
}

/** Tells of connections that opened and closed. One whose end nobody told is gone by its time. */
export function redisSocketCount(redis: Redis, life_seconds: number, now: () => number = Date.now) {
  return {
    opened: (id: string) =>
      unlessAway(redis, () => redis.zadd(socketsKey, Math.ceil(now() / 1_000) + life_seconds, id)),
    closed: (id: string) => unlessAway(redis, () => redis.zrem(socketsKey, id)),
  }
}

/** A client that is connecting again would keep the command back: then it is not even asked. Never throws. */
async function unlessAway(redis: Redis, run: () => Promise<unknown>) {
  if (redis.status !== 'ready' && redis.status !== 'wait') return
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs)
  })
  await Promise.race([run().catch(() => {}), enough])
  clearTimeout(timer)
}
