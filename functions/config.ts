/**
 * Reads and checks the given environment, the one place that does for the deployed functions. By hand, since every
 * function starts with it, and some need no library for anything else.
 * @throws an Error that names every variable at fault
 */
export function readConfig(env: NodeJS.ProcessEnv) {
  const faults: string[] = []
  const fault = (name: string, message: string) => void faults.push(`  ${name}: ${message}`)

  function text(name: string) {
    const given = env[name] ?? ''
    if (given === '') fault(name, 'must be set')
    return given
  }
  function checked(name: string, given: string) {
    if (given !== '' && !URL.canParse(given)) fault(name, 'must be a URL')
    return given
  }
  const url = (name: string) => checked(name, text(name))
  function whole(name: string, usual: number, least: number, most = Number.MAX_SAFE_INTEGER) {
    const given = Number(env[name] ?? usual)
    const fits = Number.isInteger(given) && given >= least && given <= most
    if (!fits) fault(name, `must be a whole number, ${least} or more${most < 1e9 ? `, at most ${most}` : ''}`)
    return given
  }

  /** One of two words, the first unless it is said. */
  function oneOf<const A extends string, const B extends string>(name: string, usual: A, other: B) {
    const given = env[name] ?? usual
    if (given !== usual && given !== other) fault(name, `must be ${usual} or ${other}`)
    return given === other ? other : usual
  }
  const listed = (name: string, usual = '') => (env[name] ?? usual).split(',').filter(Boolean)
  /** Lets a collector read /metrics, as its bearer token; without it nobody may. */
  function metricsToken() {
    const given = env.METRICS_TOKEN ?? ''
    if (given !== '' && given.length < 16) fault('METRICS_TOKEN', 'must have 16 characters or more')
    return given
  }

  const config = {
    database_url: text('DATABASE_URL'),
    /** Connections a function may open: concurrency × this must fit the database's limit. */
    database_pool: whole('DATABASE_POOL', 2, 1, 50),
    redis_url: text('REDIS_URL'),
    queue_steps_url: url('QUEUE_STEPS_URL'),
    queue_broadcast_url: url('QUEUE_BROADCAST_URL'),
    table_connections: text('TABLE_CONNECTIONS'),
    table_subscriptions: text('TABLE_SUBSCRIPTIONS'),
    table_tickets: text('TABLE_TICKETS'),
    /** Where frames are posted: the WebSocket API's `@connections`. */
    socket_endpoint: url('SOCKET_ENDPOINT'),
    /** Without it the number of dead letters is not known, and none is listed. */
    queue_steps_dead_url: checked('QUEUE_STEPS_DEAD_URL', env.QUEUE_STEPS_DEAD_URL ?? '') || undefined,
    queue_broadcast_dead_url:
      checked('QUEUE_BROADCAST_DEAD_URL', env.QUEUE_BROADCAST_DEAD_URL ?? '') || undefined,
    /** `public`: /metrics needs no token; for what listens on loopback or a network of its own. */
    metrics: { access: oneOf('METRICS_ACCESS', 'token', 'public'), token: metricsToken() },
    /** `s3://bucket` or the address of the folder store behind the local gateway. */
    artifact_store_url: text('ARTIFACT_STORE_URL'),
    /** Signs the folder store's addresses; S3 signs with the function's own role. */
    artifact_secret: env.ARTIFACT_SECRET ?? '',
    public_api_url: url('PUBLIC_API_URL'),
    /** Where clients open their socket, without the ticket. */
    public_socket_url: url('PUBLIC_SOCKET_URL'),
    /** Origins of pages that may call the API, separated by commas in the variable. */
    dashboard_origins: listed('DASHBOARD_ORIGINS', usualOrigins),
    /** Under which name CloudWatch files the fleet's metrics; without it they are only logged. */
    metrics_stage: env.METRICS_STAGE || undefined,
    /** Which receivers webhooks may have: public ones by https, or any, as suits one machine. */
    webhook_reach: oneOf('WEBHOOK_REACH', 'public', 'any'),
    /** Which repositories sessions may have: public ones by https or ssh, or any; local ones below these folders. */
    repositories: {
      reach: oneOf('REPOSITORY_REACH', 'public', 'any'),
      roots: listed('REPOSITORY_ROOTS'),
    },
    /** How long things live, in days (core/retention). */
    retention: {
      sessions: whole('RETENTION_SESSION_DAYS', 365, 1, 3_650),
      changes: whole('RETENTION_CHANGE_DAYS', 400, 1, 3_650),
      audit: whole('RETENTION_AUDIT_DAYS', 400, 1, 3_650),
      tokens: whole('RETENTION_TOKEN_DAYS', 400, 2, 3_650),
      deliveries: whole('RETENTION_DELIVERY_DAYS', 30, 2, 3_650),
      inbox: whole('RETENTION_INBOX_DAYS', 30, 1, 3_650),
    },
    /** Silence after which an agent is OFFLINE, in ms. */
    presence_ms: whole('PRESENCE_MS', 30_000, 100),
  }
  if (faults.length > 0) throw new Error(`The environment is incomplete:\n${faults.join('\n')}`)
  return config
}

const usualOrigins = 'http://localhost:3000,http://127.0.0.1:3000'

export type Config = ReturnType<typeof readConfig>

let read: Config | undefined

/** The process's configuration, read at first use. */
export function config() {
  read ??= readConfig(process.env)
  return read
}
