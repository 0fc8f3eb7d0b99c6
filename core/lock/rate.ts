import type { Redis } from 'ioredis'
import { redisKeys } from './keys.ts'

/** Whether one more is let through, and how many more would be now. */
export type Verdict = { allowed: boolean; remaining: number }

export type Limiter = {
  /** Takes one token of a bucket that holds `per_second` and refills at that rate. Null while it cannot be told. */
  take(name: string, per_second: number): Promise<Verdict | null>
}

/** One call, on Redis' own clock: processes whose clocks differ share one bucket. A full bucket is forgotten. */
const takeScript = `
local time = redis.call('time')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local rate = tonumber(ARGV[1])
local kept = redis.call('hmget', KEYS[1], 'tokens', 'at')
local tokens = tonumber(kept[1] or '') or rate
local at = tonumber(kept[2] or '') or now
tokens = math.min(rate, tokens + math.max(0, now - at) * rate / 1000)
local allowed = 0
if tokens >= 1 then
  tokens = tokens - 1
  allowed = 1
end
redis.call('hset', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('pexpire', KEYS[1], 2000)
return {allowed, math.floor(tokens)}`

/** Longer nobody waits for the verdict, in ms. */
const deadlineMs = 200
/** While Redis is away it is not asked again for this long, in ms. */
const restMs = 5_000

/** Token buckets in Redis. With Redis away it says null, and `onAway` is told at most once a rest. */
export function redisLimiter(
  redis: Redis,
  options: { onAway?: (reason: string) => void; now?: () => number } = {},
): Limiter {
  const { onAway, now = Date.now } = options
  let restsUntil = 0
  return {
    async take(name, per_second) {
      if (now() < restsUntil) return null
      try {
        const answer = await within(
          deadlineMs,
          redis.eval(takeScript, 1, redisKeys.rate(name), String(per_second)),
        )
        if (!Array.isArray(answer)) throw new Error('Redis answered no verdict.')
        const [allowed, remaining] = answer.map(Number)
        return { allowed: allowed === 1, remaining: remaining ?? 0 }
      } catch (error) {
        restsUntil = now() + restMs
        onAway?.(error instanceof Error ? error.message : String(error))
        return null
      }
    },
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
