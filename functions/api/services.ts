import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { ArtifactStore } from '#core/artifact/store'
import { openDatabase } from '#core/database/database'
import type { DeadLetters } from '#core/dead-letter/dead-letter'
import type { LookAtQueue } from '#core/fleet/queues'
import { redisWatch } from '#core/live/watch'
import { redisPresence } from '#core/lock/presence'
import { type Limiter, redisLimiter } from '#core/lock/rate'
import type { Reach } from '#core/network/address'
import type { Retention } from '#core/retention/retention'
import { databaseServices, type Services } from '#core/services'
import type { RepositoryRules } from '#core/session/repository'
import { redisBells } from '#core/wake/bell'
import { config } from '../config.ts'
import { sqsDeadLetters } from '../dead-letters.ts'
import type { Tickets } from '../live/tickets.ts'
import { type Log, logger, logTold } from '../log.ts'
import { type Scraped, scrapedOf } from '../metrics/scraped.ts'
import { redisTimings, type Timings } from '../metrics/timings.ts'
import { queueDepth } from '../queue-depth.ts'
import { connectRedis } from '../redis.ts'
import { requestId, requestOf } from '../request.ts'
import { liveWakes, sqsWakes } from '../wakes.ts'
import { folderStore } from './store/folder.ts'

/** Something the api depends on; `required`: without it nothing can be done. */
export type Dependency = { required: boolean; look: (signal: AbortSignal) => Promise<unknown> }

export type ApiServices = Services & {
  artifacts: ArtifactStore
  tickets: Tickets
  limiter: Limiter
  /** Where clients open their socket. */
  socket_url: string
  lookAtQueue: LookAtQueue
  deadLetters: DeadLetters
  timings: Timings
  scraped: Scraped
  /** Which receivers webhooks may name. */
  webhook_reach: Reach
  /** Which repositories sessions may name. */
  repositories: RepositoryRules
  /** After how many days the sweep takes what has ended. */
  retention: Pick<Retention, 'sessions'>
  dependencies: Record<string, Dependency>
  /** Origins of pages that may call. */
  origins: string[]
  log: Log
}

type Opened = { services: ApiServices; close: () => Promise<void> }

function open(): Opened {
  const { database_url, database_pool, redis_url, queue_steps_url, presence_ms, ...rest } = config()
  const log = logger('api')
  const database = openDatabase({ url: database_url, role: 'app', max: database_pool })
  const redis = connectRedis(redis_url, log)
  const subscriber = connectRedis(redis_url, log)
  const live = liveWakes({ queue_url: rest.queue_broadcast_url, log })
  const bells = redisBells(redis, subscriber, { watch: redisWatch(redis), wake: live.send })
  const wakes = sqsWakes({ queue_url: queue_steps_url, log, request_id: requestId })
  const sqs = new SQSClient({ maxAttempts: 1 })
  const timings = redisTimings(redis)
  const tickets = ticketsOf(rest.table_tickets)
  const steps = queueDepth(sqs, queue_steps_url, rest.queue_steps_dead_url)
  const broadcast = queueDepth(sqs, rest.queue_broadcast_url, rest.queue_broadcast_dead_url)
  const depth = { QueueUrl: queue_steps_url, AttributeNames: ['ApproximateNumberOfMessages' as const] }
  const presence = redisPresence(redis, { ttl_ms: presence_ms })
  const services: ApiServices = {
    ...databaseServices(database, presence),
    presence,
    bells,
    wake: wakes.send,
    requestId,
    told: logTold(logger('session'), requestOf),
    artifacts: storeOf(rest.artifact_store_url, rest.artifact_secret),
    tickets,
    limiter: redisLimiter(redis, { onAway: (reason) => log.warn('rate_limit_skipped', { reason }) }),
    socket_url: rest.public_socket_url,
    webhook_reach: rest.webhook_reach,
    repositories: rest.repositories,
    retention: rest.retention,
    lookAtQueue: steps,
    deadLetters: sqsDeadLetters(sqs, {
      steps: { url: queue_steps_url, dead_url: rest.queue_steps_dead_url },
      broadcast: { url: rest.queue_broadcast_url, dead_url: rest.queue_broadcast_dead_url },
    }),
    timings,
    dispatched: (seconds) => timings.observe('orchestrator_dispatch_latency_seconds', [], seconds),
    scraped: scrapedOf({ redis, steps, broadcast, access: rest.metrics }),
    dependencies: {
      postgres: {
        required: true,
        look: () => database.query('', { name: 'ping', text: 'select 1', values: [] }),
      },
      redis: { required: false, look: () => redis.ping() },
      queue: {
        required: true,
        look: (abortSignal) => sqs.send(new GetQueueAttributesCommand(depth), { abortSignal }),
      },
      dynamodb: { required: false, look: tickets.look },
    },
    origins: rest.dashboard_origins,
    log,
  }
  return {
    services,
    async close() {
      bells.end()
      wakes.close()
      live.close()
      sqs.destroy()
      await database.end()
    },
  }
}

/** `s3://bucket`, whose client is loaded only where it is used; or the folder's address. */
function storeOf(url: string, secret: string): ArtifactStore {
  const bucket = /^s3:\/\/([^/]+)/.exec(url)?.[1]
  if (!bucket) return folderStore({ url, secret })
  let made: Promise<ArtifactStore> | undefined
  const store = () => {
    made ??= import('./store/s3.ts').then(({ s3Store }) => s3Store(bucket))
    return made
  }
  return {
    presignUpload: async (key, size) => (await store()).presignUpload(key, size),
    presignDownload: async (key) => (await store()).presignDownload(key),
    read: async (key, max_bytes) => (await store()).read(key, max_bytes),
  }
}

/** Its client is loaded at the first ticket: most requests need none. */
function ticketsOf(table: string): Tickets {
  let made: Promise<Tickets> | undefined
  const store = () => {
    made ??= import('../live/tickets.ts').then(({ ticketStore }) => ticketStore({ table }))
    return made
  }
  return {
    issue: async (actor) => (await store()).issue(actor),
    look: async (signal) => (await store()).look(signal),
  }
}

let opened: Opened | undefined

/** The process's services, made at first use; nothing connects before it is needed. */
export function apiServices() {
  opened ??= open()
  return opened.services
}

/** Ends what was opened; the next use opens anew. */
export async function closeServices() {
  const last = opened
  opened = undefined
  await last?.close()
}
