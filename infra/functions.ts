/// <reference path="../.sst/platform/config.d.ts" />
import type { makeDatabase } from './database.ts'
import type { Network } from './nat-instance.ts'
import { type FunctionName, permissionsOf, type Stores } from './permissions.ts'
import type { StageSettings } from './stage.ts'
import { type FunctionWiring, functions, type InstanceBounds } from './wiring.ts'

export type Parts = Stores & {
  network: Network
  settings: StageSettings
  database: ReturnType<typeof makeDatabase>
  redis: { url: $util.Output<string> }
  http: sst.aws.ApiGatewayV2
  /** Where the dashboard is, whose pages may call the API. */
  origin: $util.Output<string>
  admin_key: $util.Output<string>
  /** What a collector of /metrics brings; empty: nobody may read them. */
  metrics_token: $util.Output<string>
  /** Resolves once the tables are there. */
  migrated: $util.Output<string>
}

const retention = { 30: '1 month', 90: '3 months' } as const

type Made = { environment: Record<string, $util.Input<string>>; copyFiles?: { from: string; to: string }[] }

/** A function of the wiring, as it is built, sized, let in and out, and what it may call. */
export function makeFunction(
  name: FunctionName,
  parts: Pick<Parts, 'network' | 'settings'> & { stores: Stores },
  { environment, copyFiles = [] }: Made,
) {
  const { network, settings, stores } = parts
  const wiring: FunctionWiring & InstanceBounds = functions[name]
  return new sst.aws.Function(`${name[0]?.toUpperCase()}${name.slice(1)}Function`, {
    handler: wiring.handler,
    runtime: 'nodejs24.x',
    architecture: 'arm64',
    timeout: `${wiring.timeout_seconds} seconds`,
    memory: `${wiring.memory_mb} MB`,
    ...(wiring.reserved === null ? {} : { concurrency: { reserved: wiring.reserved } }),
    logging: { format: 'json', retention: settings.production ? retention[90] : retention[30] },
    nodejs: { minify: true, splitting: true, esbuild: { keepNames: false } },
    vpc: {
      privateSubnets: network.privateSubnets.map(({ id }) => id),
      securityGroups: [network.functions.id],
    },
    permissions: permissionsOf(stores)[name],
    environment: {
      ...environment,
      DATABASE_POOL: String(Math.max(1, wiring.connections)),
      // Amazon's own authorities, by which the database's certificate is checked.
      NODE_EXTRA_CA_CERTS: '/var/runtime/ca-cert.pem',
    },
    copyFiles,
    transform: {
      role: (args) => {
        // SST would let people of the account take the role too.
        args.assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: 'lambda.amazonaws.com' })
      },
    },
  })
}

/** Everything but `migrate`, each with the login of its role, once the tables are there. */
export function makeFunctions(parts: Parts) {
  const { queues, tables, database, http, socket } = parts
  const endpoint = socket.managementEndpoint
  const environment = (role: keyof typeof database.urls) => ({
    DATABASE_URL: $resolve([database.urls[role], parts.migrated]).apply(([url]) => url),
    REDIS_URL: parts.redis.url,
    QUEUE_STEPS_URL: queues.steps.queue.url,
    QUEUE_STEPS_DEAD_URL: queues.steps.dead.url,
    QUEUE_BROADCAST_URL: queues.broadcast.queue.url,
    QUEUE_BROADCAST_DEAD_URL: queues.broadcast.dead.url,
    TABLE_CONNECTIONS: tables.connections.name,
    TABLE_SUBSCRIPTIONS: tables.subscriptions.name,
    TABLE_TICKETS: tables.tickets.name,
    SOCKET_ENDPOINT: endpoint,
    ARTIFACT_STORE_URL: $interpolate`s3://${parts.artifacts.name}`,
    PUBLIC_API_URL: $interpolate`${http.url}/api/v1`,
    PUBLIC_SOCKET_URL: socket.url,
    DASHBOARD_ORIGINS: parts.origin,
    METRICS_STAGE: $app.stage,
  })
  const make = (name: FunctionName, role: keyof typeof database.urls, more: Made['environment'] = {}) =>
    makeFunction(name, { ...parts, stores: parts }, { environment: { ...environment(role), ...more } })
  return {
    api: make('api', 'app', { METRICS_TOKEN: parts.metrics_token }),
    step: make('step', 'engine'),
    socket: make('socket', 'app'),
    broadcast: make('broadcast', 'app'),
    sweep: make('sweep', 'engine'),
    deliver: make('deliver', 'engine'),
  }
}
