import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import type { Closers } from './closers.ts'
import { clientEnvironment, externalServices, resourceEnvironment } from './environment.ts'
import type { PortName } from './port.ts'
import {
  ensureQueues,
  ensureTables,
  type QueueAddress,
  type QueuePlan,
  type TablePlan,
} from './services/bootstrap.ts'
import { startDynamoDb } from './services/dynamodb.ts'
import { deleteExpired } from './services/expiry.ts'
import { startPostgres } from './services/postgres.ts'
import { startRedis } from './services/redis.ts'
import type { OnDeath, Service } from './services/service.ts'
import { startSqs } from './services/sqs.ts'
import { within } from './wait.ts'

export type ServicesOptions = {
  data: string
  env: NodeJS.ProcessEnv
  ports: Partial<Record<PortName, number>>
  queues: Readonly<Record<string, QueuePlan>>
  tables: Readonly<Record<string, TablePlan>>
  deadlineMs: number
  onDeath: OnDeath
}

export type Services = {
  list: Service[]
  region: string
  queues: ReadonlyMap<string, QueueAddress>
  sqs: SQSClient
  /** Deletes rows of the tables whose time to live is over. */
  expire: () => Promise<number>
  /** What a handler needs in its environment to reach all of it. */
  environment: Record<string, string>
}

/** Starts or finds the four stores, and makes the queues and tables of the wiring in them. */
export const startServices = async (options: ServicesOptions, closers: Closers): Promise<Services> => {
  const { data, env, ports, deadlineMs, onDeath } = options
  const given = externalServices(env)
  const { region } = given
  const keep = async (starting: Promise<Service>): Promise<Service> => {
    const service = await starting
    closers.add(service.name, service.stop)
    return service
  }
  const starts = [
    keep(startPostgres({ external: given.postgres, data, port: ports.postgres, deadlineMs, onDeath })),
    keep(startRedis({ external: given.redis, data, port: ports.redis, deadlineMs, onDeath })),
    keep(startSqs({ external: given.sqs, region, port: ports.sqs, deadlineMs })),
    keep(startDynamoDb({ external: given.dynamodb, data, port: ports.dynamodb, deadlineMs })),
  ] as const
  // All of them, even when one fails: what did start has to be known to be stopped.
  await Promise.allSettled(starts)
  const [postgres, redis, sqs, dynamodb] = await Promise.all(starts)

  const addresses = { postgres: postgres.url, redis: redis.url, sqs: sqs.url, dynamodb: dynamodb.url }
  const embedded = given.sqs === undefined && given.dynamodb === undefined
  const clients = clientEnvironment(addresses, region, env, embedded)
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = clients
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const shared = { region, credentials: { accessKeyId, secretAccessKey } }
  const sqsClient = new SQSClient({ ...shared, endpoint: sqs.url })
  closers.add('sqs client', () => sqsClient.destroy())
  const tablesClient = new DynamoDBClient({ ...shared, endpoint: dynamodb.url })
  closers.add('dynamodb client', () => tablesClient.destroy())
  const made = Promise.all([
    ensureQueues(sqsClient, sqs.url, options.queues),
    ensureTables(tablesClient, options.tables),
  ])
  const [queues] = await within('queues and tables', deadlineMs, made)
  const resources = resourceEnvironment(queues, Object.keys(options.tables))
  return {
    list: [postgres, redis, sqs, dynamodb],
    region,
    queues,
    sqs: sqsClient,
    expire: () => deleteExpired(tablesClient, options.tables, new Date()),
    environment: { ...clients, ...resources },
  }
}
