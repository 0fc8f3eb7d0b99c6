import * as z from 'zod'

/** The one place that reads the environment of the deployed functions. Every problem is reported at once. */
const Environment = z.object({
  DATABASE_URL: z.string().min(1),
  REDIS_URL: z.string().min(1),
  QUEUE_STEPS_URL: z.url(),
  /** `s3://bucket` or the address of the folder store behind the local gateway. */
  ARTIFACT_STORE_URL: z.string().min(1),
  /** Signs the folder store's addresses; S3 signs with the function's own role. */
  ARTIFACT_SECRET: z.string().default(''),
  PUBLIC_API_URL: z.url(),
  /** Connections a function may open: concurrency × this must fit the database's limit. */
  DATABASE_POOL: z.coerce.number().int().min(1).max(50).default(2),
  /** Origins of pages that may call the API, separated by commas. */
  DASHBOARD_ORIGINS: z.string().default('http://localhost:3000,http://127.0.0.1:3000'),
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
    artifact_store_url: given.ARTIFACT_STORE_URL,
    artifact_secret: given.ARTIFACT_SECRET,
    public_api_url: given.PUBLIC_API_URL,
    dashboard_origins: given.DASHBOARD_ORIGINS.split(',').filter(Boolean),
    presence_ms: given.PRESENCE_MS,
  }
}

let read: Config | undefined

/** The process's configuration, read at first use. */
export function config() {
  read ??= readConfig(process.env)
  return read
}
