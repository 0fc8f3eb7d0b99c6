import { setTimeout as pause } from 'node:timers/promises'
import { inboxes } from '#core/agent/inboxes'
import { openDatabase } from '#core/database/database'
import { endedKeys } from '#core/key/ended'
import { leaseMs } from '#core/live/broadcast'
import { openEventCache } from '#core/live/event-cache'
import { rosterOf } from '#core/live/roster'
import type { LiveServices } from '#core/live/services'
import { redisWatch } from '#core/live/watch'
import { redisLeases } from '#core/lock/lease'
import { config } from '../config.ts'
import { logger } from '../log.ts'
import { redisTimings } from '../metrics/timings.ts'
import { connectRedis } from '../redis.ts'
import { liveWakes } from '../wakes.ts'
import { apiGatewaySockets } from './sockets.ts'
import { dynamoViewers } from './viewers.ts'

/** What the socket and the broadcast function share, for their part of the log. */
export function openLive(part: string) {
  const given = config()
  const log = logger(part)
  // The api's role, also for broadcasts: what a tenant's viewers get is read under its row-level security.
  const database = openDatabase({ url: given.database_url, role: 'app', max: given.database_pool })
  const redis = connectRedis(given.redis_url, log)
  const wakes = liveWakes({ queue_url: given.queue_broadcast_url, log })
  const sockets = apiGatewaySockets({ endpoint: given.socket_endpoint, log })
  const { table_connections: connections, table_subscriptions: subscriptions } = given
  const viewers = dynamoViewers({ connections, subscriptions })
  const watch = redisWatch(redis)
  const timings = redisTimings(redis)
  const live: LiveServices = {
    database,
    inbox: inboxes(database),
    viewers,
    roster: rosterOf(viewers, watch),
    cache: openEventCache(),
    sockets,
    watch,
    leases: redisLeases(redis, {
      ttl_ms: leaseMs,
      onConflict: () => timings.count('orchestrator_lease_conflicts_total'),
    }),
    ended: endedKeys(database),
    wake: wakes.send,
    report: ({ event, ...fields }) =>
      event === 'broadcast_failed' ? log.error(event, fields) : log.info(event, fields),
    delivered(happened_at) {
      const now = Date.now()
      for (const at of happened_at)
        timings.observe('orchestrator_event_delivery_seconds', [], (now - Date.parse(at)) / 1_000)
    },
    now: Date.now,
    pause,
  }
  return {
    live,
    log,
    redis,
    timings,
    async close() {
      redis.disconnect()
      wakes.close()
      sockets.close_client()
      viewers.close()
      await database.end()
    },
  }
}
