import * as z from 'zod'

/** The one place that reads the environment of the deployed functions. Every problem is reported at once. */
const Environment = z.object({
  DATABASE_URL: z.string().min(1),
  REDIS_URL: z.string().min(1),
  QUEUE_STEPS_URL: z.url(),
  QUEUE_BROADCAST_URL: z.url(),
  TABLE_CONNECTIONS: z.string().min(1),
  TABLE_SUBSCRIPTIONS: z.string().min(1),
  TABLE_TICKETS: z.string().min(1),
  /** Where frames are posted: the WebSocket API's `@connections`. */
  SOCKET_ENDPOINT: z.url(),
  /** Only looked at, for people: without it the number of dead letters is not known. */
  QUEUE_STEPS_DEAD_URL: z.url().optional(),
  /** `s3://bucket` or the address of the folder store behind the local gateway. */
  ARTIFACT_STORE_URL: z.string().min(1),
  /** Signs the folder store's addresses; S3 signs with the function's own role. */
  ARTIFACT_SECRET: z.string().default(''),
  PUBLIC_API_URL: z.url(),
  /** Where clients open their socket, without the ticket. */
  PUBLIC_SOCKET_URL: z.url(),
  /** Connections a function may open: concurrency × this must fit the database's limit. */
  DATABASE_POOL: z.coerce.number().int().min(1).max(50).default(2),
  /** Origins of pages that may call the API, separated by commas. */
  DASHBOARD_ORIGINS: z.string().default('http://localhost:3000,http://127.0.0.1:3000'),
  /** Under which name CloudWatch files the fleet's metrics; without it they are only logged. */
  METRICS_STAGE: z.string().min(1).optional(),
  /** Which receivers webhooks may have: public ones by https, or any, as suits one machine. */
  WEBHOOK_REACH: z.enum(['public', 'any']).default('public'),
  /** Which repositories sessions may have: public ones by https or ssh, or any. */
  REPOSITORY_REACH: z.enum(['public', 'any']).default('public'),
  /** Folders below which local repositories may be, separated by commas. */
  REPOSITORY_ROOTS: z.string().default(''),
  /** How long things live, in days (core/retention). */
  RETENTION_SESSION_DAYS: z.coerce.number().int().min(1).max(3_650).default(365),
  RETENTION_CHANGE_DAYS: z.coerce.number().int().min(1).max(3_650).default(400),
  RETENTION_DELIVERY_DAYS: z.coerce.number().int().min(2).max(3_650).default(30),
  RETENTION_INBOX_DAYS: z.coerce.number().int().min(1).max(3_650).default(30),
  /** Silence after which an agent is OFFLINE, in ms. */
  PRESENCE_MS: z.coerce.number().int().min(100).default(30_000),
})

export type Config = ReturnType<typeof readConfig>

/** Reads and checks the given environment. @throws an Error that names every variable at fault */
export function readConfig(env: NodeJS.ProcessEnv) {
  const parsed = Environment.safeParse(env)
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`)
    throw new Error(`The environment is incomplete:\n${faults.join('\n')}`)
  }
  const given = parsed.data
  return {
    database_url: given.DATABASE_URL,
    database_pool: given.DATABASE_POOL,
    redis_url: given.REDIS_URL,
    queue_steps_url: given.QUEUE_STEPS_URL,
    queue_broadcast_url: given.QUEUE_BROADCAST_URL,
    table_connections: given.TABLE_CONNECTIONS,
    table_subscriptions: given.TABLE_SUBSCRIPTIONS,
    table_tickets: given.TABLE_TICKETS,
    socket_endpoint: given.SOCKET_ENDPOINT,
    queue_steps_dead_url: given.QUEUE_STEPS_DEAD_URL,
    artifact_store_url: given.ARTIFACT_STORE_URL,
    artifact_secret: given.ARTIFACT_SECRET,
    public_api_url: given.PUBLIC_API_URL,
    public_socket_url: given.PUBLIC_SOCKET_URL,
    dashboard_origins: given.DASHBOARD_ORIGINS.split(',').filter(Boolean),
    metrics_stage: given.METRICS_STAGE,
    webhook_reach: given.WEBHOOK_REACH,
    repositories: { reach: given.REPOSITORY_REACH, roots: given.REPOSITORY_ROOTS.split(',').filter(Boolean) },
    retention: {
      sessions: given.RETENTION_SESSION_DAYS,
      changes: given.RETENTION_CHANGE_DAYS,
      deliveries: given.RETENTION_DELIVERY_DAYS,
      inbox: given.RETENTION_INBOX_DAYS,
    },
    presence_ms: given.PRESENCE_MS,
  }
}

let read: Config | undefined

/** The process's configuration, read at first use. */
export function config() {
  read ??= readConfig(process.env)
  return read
}
