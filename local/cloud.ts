import { join, resolve } from 'node:path'
import type { FunctionWiring, QueueWiring } from '#infra/wiring'
import * as wiringOfProduct from '#infra/wiring'
import { type Closers, makeClosers } from './closers.ts'
import { type DashboardOptions, startDashboard } from './dashboard.ts'
import { applyEnvironment, workerEnvironment } from './environment.ts'
import { startEventSource } from './event-source.ts'
import type { SocketLimits } from './gateway/socket-api.ts'
import { startGateway } from './gateway.ts'
import { type Invoke, type LoadFunction, type LocalFunction, loadFunction, makeFunction } from './invoke.ts'
import { keepKey, keyNameOf, migrateWithKey } from './key.ts'
import { takeFolder } from './lock.ts'
import { type Log, makeLog, reasonOf } from './log.ts'
import { chooseModel, type ModelWish, type StartModel } from './model-choice.ts'
import { choosePort, type PortName } from './port.ts'
import { startSchedule } from './schedule.ts'
import { keepSecret } from './secrets.ts'
import type { TablePlan } from './services/bootstrap.ts'
import type { OnDeath, Service } from './services/service.ts'
import { startServices } from './services.ts'
import { type Supervisor, superviseWorker, type WorkerPlan } from './supervisor.ts'

/** The part of infra's wiring that runs here; tests give a smaller one. */
export type Wiring = {
  functions: Readonly<Record<string, FunctionWiring>>
  queues: Readonly<Record<string, Omit<QueueWiring, 'consumer'> & { consumer: string }>>
  http: { function: string }
  socket?: { function: string }
  schedules: Readonly<Record<string, { function: string; every_seconds: number }>>
  tables: Readonly<Record<string, TablePlan>>
}

export type LocalOptions = {
  /** The folder that keeps everything between runs. */
  data: string
  /** 0 is any free port; without an entry the usual one, or any other when that is taken (the gateway never). */
  ports?: Partial<Record<PortName, number>>
  /** Where DATABASE_URL, REDIS_URL, AWS_ENDPOINT_URL* and provider keys are looked for. */
  env?: NodeJS.ProcessEnv
  workers?: readonly WorkerPlan[]
  model?: ModelWish
  /** Where the gateway and the page listen, and under which host names; the loopback and its own without it. */
  network?: { listenOn: string; hosts: readonly string[] } | undefined
  /** Serve the page too; it is built first where that is needed. */
  dashboard?: boolean
  wiring?: Wiring
  load?: LoadFunction
  startModel?: StartModel
  /** Limits of the WebSocket API other than API Gateway's: tests cannot wait two hours. */
  socketLimits?: Partial<SocketLimits>
  /** Takes our own log lines, and the workers' with their name. */
  write?: (line: string, source?: string) => void
  /** For each service to come up, and for each to end. */
  deadlineMs?: number
}

export type LocalCloud = {
  /** The gateway's address, without a path. */
  url: string
  /** The base of the REST API. */
  api: string
  /** The admin key of this data folder. */
  key: string
  /** The page's address; null when it is not served. */
  dashboard: string | null
  data: string
  services: readonly Service[]
  model: string
  workers: readonly Supervisor[]
  /** What the handlers were given in their environment. */
  environment: Readonly<Record<string, string>>
  /** Invokes a function of the wiring as its trigger would. */
  invoke: (name: string, event: unknown) => Promise<unknown>
  /** Ends everything, in order; safe to call twice. */
  stop: () => Promise<void>
}

/** Any free port for everything: what a test wants. */
export const anyPorts = {
  gateway: 0,
  dashboard: 0,
  postgres: 0,
  redis: 0,
  sqs: 0,
  dynamodb: 0,
  model: 0,
} as const

export const usualWorkers: readonly WorkerPlan[] = [
  {
    name: 'architect',
    capabilities: ['PLANNING', 'CODE_REVIEW', 'SECURITY_AUDIT', 'INTEGRATION', 'DOCUMENTATION'],
    capacity: 1,
  },
  ...['builder-1', 'builder-2'].map((name) => ({
    name,
    capabilities: ['CODE_GENERATION', 'TESTING', 'DEBUGGING', 'REFACTORING', 'DOCUMENTATION', 'INTEGRATION'],
    capacity: 2,
  })),
]

/** DynamoDB deletes what has expired by itself; its emulator is swept. */
const expiryMs = 60_000
const maxArtifactBytes = 512 * 1024 * 1024

/**
 * Brings the whole product up in this process: services, migrations, functions with their triggers, workers.
 * Throws, with what was started ended again, AlreadyRunningError and PortTakenError among others.
 */
export const startLocal = async (options: LocalOptions): Promise<LocalCloud> => {
  const { write = (line: string) => process.stdout.write(line), deadlineMs = 60_000 } = options
  const log = makeLog('orchestrator.local', write)
  const closers = makeClosers(log, deadlineMs)
  const data = resolve(options.data)
  closers.add('lock', takeFolder(data))
  try {
    return await startAll({ ...options, data, write, deadlineMs }, log, closers)
  } catch (error) {
    await closers.closeAll()
    throw error
  }
}

type AllOptions = LocalOptions & Required<Pick<LocalOptions, 'write' | 'deadlineMs'>>

const startAll = async (options: AllOptions, log: Log, closers: Closers): Promise<LocalCloud> => {
  const { data, ports = {}, env = { ...process.env }, wiring = wiringOfProduct, deadlineMs } = options
  const port = await choosePort('gateway', ports.gateway)
  const url = `http://127.0.0.1:${port}`
  const api = `${url}/api/v1`
  const { queues, tables } = wiring
  const host = `localhost:${port}`
  const opened = pending<string>()
  const page = { api_url: `http://${host}/api/v1`, ws_url: `ws://${host}`, environment: 'this machine' }
  const dashboard = options.dashboard
    ? await startThePage(
        { ...options.network, config: { ...page, api_key: opened.promise }, port: ports.dashboard, log },
        closers,
      )
    : null
  const onDeath: OnDeath = (service, reason) => log('error', 'service_died', { service, reason })
  const services = await startServices({ data, env, ports, queues, tables, deadlineMs, onDeath }, closers)
  const { region } = services

  const secret = keepSecret(data, 'artifacts')
  const environment = {
    ...services.environment,
    ARTIFACT_STORE_URL: `${url}/artifacts-store`,
    ARTIFACT_SECRET: secret,
    ADMIN_KEY: keepKey(data),
    ADMIN_KEY_NAME: keyNameOf(data),
    PUBLIC_API_URL: api,
    PUBLIC_SOCKET_URL: `ws://127.0.0.1:${port}`,
    SOCKET_ENDPOINT: url,
    METRICS_ACCESS: 'public',
    // One process holds every function here, where the cloud has one for each request.
    DATABASE_POOL: env.DATABASE_POOL ?? '10',
    // Who calls here owns the machine; a receiver beside it is what they want to try.
    WEBHOOK_REACH: env.WEBHOOK_REACH ?? 'any',
    REPOSITORY_REACH: env.REPOSITORY_REACH ?? 'any',
    REPOSITORY_ROOTS: env.REPOSITORY_ROOTS ?? '/',
    ...(dashboard !== null && { DASHBOARD_ORIGINS: originsOf(dashboard.url, env.DASHBOARD_ORIGINS) }),
  }
  closers.add('environment', applyEnvironment(environment))
  const functions = await loadFunctions(wiring, region, options.load ?? loadFunction, closers)
  const invokeOf = (name: string): Invoke => {
    const found = functions.get(name)
    if (found === undefined) throw new Error(`The wiring names no function ${name}`)
    return found.invoke
  }
  const key = functions.has('migrate')
    ? await migrateWithKey(invokeOf('migrate'), data)
    : environment.ADMIN_KEY
  opened.resolve(key)

  const model = await startTheModel(options, env, closers)
  const artifacts = { folder: join(data, 'artifacts'), secret, maxBytes: maxArtifactBytes }
  const socket = wiring.socket && {
    invoke: invokeOf(wiring.socket.function),
    ...(options.socketLimits && { limits: options.socketLimits }),
  }
  const gateway = await startGateway({
    port,
    invoke: invokeOf(wiring.http.function),
    ...(socket && { socket }),
    artifacts,
    log,
    ...options.network,
  })
  closers.add('gateway', gateway.stop)

  for (const [name, queue] of Object.entries(queues)) {
    const address = services.queues.get(name)
    if (address === undefined) throw new Error(`Queue ${name} was not made`)
    const { batch_size, window_seconds, max_concurrency } = queue
    const source = startEventSource({
      client: services.sqs,
      queue: { name, url: address.url, arn: address.arn },
      invoke: invokeOf(queue.consumer),
      ...{ batch_size, window_seconds, max_concurrency, log },
    })
    closers.add(`event source ${name}`, source.stop)
  }
  for (const [name, schedule] of Object.entries(wiring.schedules)) {
    const everyMs = schedule.every_seconds * 1000
    const started = startSchedule({ name, everyMs, invoke: invokeOf(schedule.function), region, log })
    closers.add(`schedule ${name}`, started.stop)
  }

  const expiry = setInterval(() => {
    services.expire().catch((error: unknown) => log('warn', 'expiry_failed', { reason: reasonOf(error) }))
  }, expiryMs)
  closers.add('expiry', () => clearInterval(expiry))

  // Keys of this folder, the database itself and what other agents work with are none of an agent's business.
  const hidden = ['local-key', 'artifacts.secret', 'artifacts', 'postgres', 'redis'].map((name) =>
    join(data, name),
  )
  const workers = startWorkers(
    options,
    workerEnvironment(env, { api, key, model: model.url, hidden }),
    log,
    closers,
  )
  return {
    url,
    api,
    key,
    data,
    dashboard: dashboard?.url ?? null,
    services: [...(dashboard === null ? [] : [dashboard]), gateway, ...services.list],
    model: model.url === null ? model.why : `${model.why}, at ${model.url}`,
    workers,
    environment,
    invoke: (name, event) => invokeOf(name)(event),
    stop: closers.closeAll,
  }
}

/** Started before the services, so that a build goes on beside them. */
const startThePage = async (options: DashboardOptions, closers: Closers): Promise<Service> => {
  const dashboard = await startDashboard(options)
  closers.add('dashboard', dashboard.stop)
  return dashboard
}

const pending = <T>() => {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((told) => {
    resolve = told
  })
  return { promise, resolve }
}

/** People write either name of the loopback. */
const originsOf = (url: string, given = ''): string =>
  [url, url.replace('localhost', '127.0.0.1'), given].filter(Boolean).join(',')

const loadFunctions = async (
  wiring: Wiring,
  region: string,
  load: LoadFunction,
  closers: Closers,
): Promise<Map<string, LocalFunction>> => {
  const functions = new Map<string, LocalFunction>()
  for (const [name, plan] of Object.entries(wiring.functions)) {
    const made = await makeFunction(name, plan, region, load)
    functions.set(name, made)
    closers.add(`function ${name}`, made.close)
  }
  return functions
}

/** The rehearsal model, unless a real one is at hand. Without workers nobody would ask it. */
const startTheModel = async (
  options: AllOptions,
  env: NodeJS.ProcessEnv,
  closers: Closers,
): Promise<{ url: string | null; why: string }> => {
  const { model = 'auto', workers = usualWorkers, ports = {} } = options
  if (workers.length === 0 && model !== 'rehearsal') return { url: null, why: 'none: no workers' }
  const choice = chooseModel(model, env)
  if (!choice.rehearsal) return { url: null, why: choice.why }
  const startModel = options.startModel ?? (await import('#local/model/server')).startModel
  const started = await startModel({ port: await choosePort('model', ports.model) })
  closers.add('model', started.stop)
  return { url: started.url, why: choice.why }
}

const startWorkers = (
  options: AllOptions,
  env: NodeJS.ProcessEnv,
  log: Log,
  closers: Closers,
): Supervisor[] => {
  const { workers = usualWorkers, data, write } = options
  const supervisors = workers.map((worker) =>
    superviseWorker({ worker, env, data, log, onLine: (line, source) => write(`${line}\n`, source) }),
  )
  closers.add('workers', async () => {
    await Promise.all(supervisors.map((supervisor) => supervisor.stop()))
  })
  return supervisors
}
