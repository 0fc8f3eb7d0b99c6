import { openDatabase } from '#core/database/database'
import { redisWatch } from '#core/live/watch'
import { redisLeases } from '#core/lock/lease'
import { redisPresence } from '#core/lock/presence'
import type { StepServices } from '#core/step/step'
import { redisBells } from '#core/wake/bell'
import { config } from '../config.ts'
import { logger, logTold } from '../log.ts'
import { redisTimings } from '../metrics/timings.ts'
import { connectRedis } from '../redis.ts'
import { requestOf } from '../request.ts'
import { liveWakes, sqsWakes } from '../wakes.ts'

/** A step renews nothing: it takes far less than this, in ms. */
const leaseMs = 20_000

function open() {
  const { database_url, database_pool, redis_url, queue_steps_url, queue_broadcast_url, presence_ms } =
    config()
  const log = logger('step')
  const database = openDatabase({ url: database_url, role: 'engine', max: database_pool })
  const redis = connectRedis(redis_url, log)
  const subscriber = connectRedis(redis_url, log)
  const timings = redisTimings(redis)
  const live = liveWakes({ queue_url: queue_broadcast_url, log })
  const bells = redisBells(redis, subscriber, { watch: redisWatch(redis), wake: live.send })
  const wakes = sqsWakes({ queue_url: queue_steps_url, log })
  const step: StepServices = {
    database,
    leases: redisLeases(redis, {
      ttl_ms: leaseMs,
      onConflict(lease) {
        timings.count('orchestrator_lease_conflicts_total')
        log.debug('lease_conflicted', { lease })
      },
    }),
    presence: redisPresence(redis, { ttl_ms: presence_ms }),
    bells,
    wake: wakes.send,
    requestOf,
    told: logTold(logger('session'), requestOf),
    report: ({ event, ...fields }) =>
      event === 'step_failed' ? log.error(event, fields) : log.info(event, fields),
  }
  return {
    step,
    log,
    timings,
    async close() {
      bells.end()
      wakes.close()
      live.close()
      await database.end()
    },
  }
}

let opened: ReturnType<typeof open> | undefined

/** The process's services, opened at the first message; nothing happens at import. */
export function services() {
  opened ??= open()
  return opened
}

/** Lets go of every connection; the next call opens anew. */
export async function closeServices() {
  const last = opened
  opened = undefined
  await last?.close()
}
