import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { ArtifactStore } from '#core/artifact/store'
import { openDatabase } from '#core/database/database'
import { redisPresence } from '#core/lock/presence'
import { databaseServices, type Services } from '#core/services'
import { redisBells } from '#core/wake/bell'
import { config } from '../config.ts'
import { type Log, logger, logTold } from '../log.ts'
import { connectRedis } from '../redis.ts'
import { sqsWakes } from '../wakes.ts'
import { requestId } from './context.ts'
import { folderStore } from './store/folder.ts'

/** Something the api depends on; `required`: without it nothing can be done. */
export type Dependency = { required: boolean; look: (signal: AbortSignal) => Promise<unknown> }

export type ApiServices = Services & {
  artifacts: ArtifactStore
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
  const bells = redisBells(redis, subscriber)
  const wakes = sqsWakes({ queue_url: queue_steps_url, log, request_id: requestId })
  const sqs = new SQSClient({ maxAttempts: 1 })
  const depth = { QueueUrl: queue_steps_url, AttributeNames: ['ApproximateNumberOfMessages' as const] }
  const services: ApiServices = {
    ...databaseServices(database),
    presence: redisPresence(redis, { ttl_ms: presence_ms }),
    bells,
    wake: wakes.send,
    told: logTold(logger('session'), requestId),
    artifacts: storeOf(rest.artifact_store_url, rest.artifact_secret),
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
    },
    origins: rest.dashboard_origins,
    log,
  }
  return {
    services,
    async close() {
      bells.end()
      wakes.close()
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
