import { Redis } from 'ioredis'
import type { Log } from './log.ts'

/** A client that fails fast: what Redis holds may be lost, and nobody waits long for it. Connects at first use. */
export function connectRedis(url: string, log: Log) {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 2_000,
    commandTimeout: 1_000,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: true,
    retryStrategy: (times) => Math.min(2_000, 100 * times),
  })
  let said = 0
  redis.on('error', (error) => {
    // While Redis is away this fires with every try: once a minute is enough to know.
    if (Date.now() - said < 60_000) return
    said = Date.now()
    log.warn('redis_failed', { reason: error.message })
  })
  return redis
}
