/**
 * Which function has which handler, trigger and limits, as plain data.
 * `sst.config.ts` turns it into AWS resources, `local/` into a gateway, event sources and timers here.
 */

export type FunctionWiring = {
  /** Module path from the repository's root and the name of its exported handler. */
  handler: string
  timeout_seconds: number
  memory_mb: number
}

export type QueueWiring = {
  /** Must be at least six times the timeout of its consumer (AWS's own advice for event source mappings). */
  visibility_seconds: number
  /** Receives after which a message moves to `<name>-dead`. */
  max_receives: number
  consumer: keyof typeof functions
  batch_size: number
  window_seconds: number
  max_concurrency: number
}

export const functions = {
  api: { handler: 'functions/api/handler.handler', timeout_seconds: 29, memory_mb: 512 },
  step: { handler: 'functions/step/handler.handler', timeout_seconds: 30, memory_mb: 512 },
  sweep: { handler: 'functions/sweep/handler.handler', timeout_seconds: 30, memory_mb: 256 },
  migrate: { handler: 'functions/migrate/handler.handler', timeout_seconds: 300, memory_mb: 256 },
} as const satisfies Record<string, FunctionWiring>

export const queues = {
  steps: {
    visibility_seconds: 180,
    max_receives: 5,
    consumer: 'step',
    batch_size: 10,
    window_seconds: 0,
    max_concurrency: 5,
  },
} as const satisfies Record<string, QueueWiring>

/** Every HTTP request goes to one function: its router is hono's. */
export const http = { function: 'api' } as const

export const schedules = {
  sweep: { function: 'sweep', every_seconds: 60 },
} as const satisfies Record<string, { function: keyof typeof functions; every_seconds: number }>

/** DynamoDB tables: who watches what. Times to live are swept locally, where the emulator has none. */
export const tables = {
  connections: { partition_key: 'connection_id', sort_key: null, ttl: 'expires_at' },
  subscriptions: { partition_key: 'channel', sort_key: 'connection_id', ttl: 'expires_at' },
} as const
