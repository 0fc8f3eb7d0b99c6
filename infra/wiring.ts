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

/** What the cloud bounds besides: here one process holds every function. */
export type InstanceBounds = {
  /** Connections to Postgres that one instance may hold; 0 when it asks none. */
  connections: number
  /** Instances set aside for it, which are also its most; null where its trigger is the bound. */
  reserved: number | null
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
  api: {
    handler: 'functions/api/handler.handler',
    timeout_seconds: 29,
    memory_mb: 512,
    connections: 2,
    reserved: 20,
  },
  step: {
    handler: 'functions/step/handler.handler',
    timeout_seconds: 30,
    memory_mb: 512,
    connections: 2,
    reserved: null,
  },
  socket: {
    handler: 'functions/socket/handler.handler',
    timeout_seconds: 29,
    memory_mb: 256,
    connections: 1,
    reserved: 10,
  },
  broadcast: {
    handler: 'functions/broadcast/handler.handler',
    timeout_seconds: 30,
    memory_mb: 512,
    connections: 1,
    reserved: null,
  },
  sweep: {
    handler: 'functions/sweep/handler.handler',
    timeout_seconds: 30,
    memory_mb: 256,
    connections: 1,
    reserved: 1,
  },
  /** Posts to webhooks, and stays up to 55 s while more is to be expected. */
  deliver: {
    handler: 'functions/deliver/handler.handler',
    timeout_seconds: 60,
    memory_mb: 256,
    connections: 2,
    reserved: 1,
  },
  migrate: {
    handler: 'functions/migrate/handler.handler',
    timeout_seconds: 300,
    memory_mb: 256,
    connections: 1,
    reserved: null,
  },
} as const satisfies Record<string, FunctionWiring & InstanceBounds>

export const queues = {
  steps: {
    visibility_seconds: 180,
    max_receives: 5,
    consumer: 'step',
    batch_size: 10,
    window_seconds: 0,
    max_concurrency: 5,
  },
  /** Lost messages are found by the viewers, so that few tries are enough; a slow viewer holds one of many calls. */
  broadcast: {
    visibility_seconds: 180,
    max_receives: 3,
    consumer: 'broadcast',
    batch_size: 10,
    window_seconds: 0,
    max_concurrency: 20,
  },
} as const satisfies Record<string, QueueWiring>

/** Every HTTP request goes to one function: its router is hono's. */
export const http = { function: 'api' } as const

export type SocketWiring = {
  function: keyof typeof functions
  /** Every frame of a client is `$default`: the function reads its action. */
  routes: readonly ('$connect' | '$default' | '$disconnect')[]
}

/** The WebSocket API. Its limits are API Gateway's own: nothing here sets them. */
export const socket = {
  function: 'socket',
  routes: ['$connect', '$default', '$disconnect'],
} as const satisfies SocketWiring

export const schedules = {
  sweep: { function: 'sweep', every_seconds: 60 },
  deliver: { function: 'deliver', every_seconds: 60 },
} as const satisfies Record<string, { function: keyof typeof functions; every_seconds: number }>

/** DynamoDB tables: who watches what. Times to live are swept locally, where the emulator has none. */
export const tables = {
  tickets: { partition_key: 'ticket', sort_key: null, ttl: 'expires_at' },
  connections: { partition_key: 'connection_id', sort_key: null, ttl: 'expires_at' },
  subscriptions: { partition_key: 'channel', sort_key: 'connection_id', ttl: 'expires_at' },
} as const
