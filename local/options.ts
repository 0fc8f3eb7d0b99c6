import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { LocalOptions } from './cloud.ts'
import type { ModelWish } from './model-choice.ts'
import { type PortName, preferredPorts } from './port.ts'
import { root } from './root.ts'

export class UsageError extends Error {}

export const usage = `npm start -- [options]
  --data <folder>      where everything is kept (.data, or ORCHESTRATOR_DATA)
  --port <number>      of the API (8000, or PORT); 0 is any free one
  --dashboard-port <number>   of the page (3000, or any other when that is taken); 0 is any free one
  --postgres-port, --redis-port, --sqs-port, --dynamodb-port, --model-port <number>
  --model <which>      auto (a real one when a key is found), rehearsal, own
  --no-workers         the control plane alone
  --no-dashboard       without the page
  --pretty, --no-pretty   log lines for people (when on a terminal), or JSON
DATABASE_URL, REDIS_URL and AWS_ENDPOINT_URL (or _SQS, _DYNAMODB) point at services that run already.
In a container LISTEN_ON is the address to listen on, LISTEN_NAMES the host names to answer to besides localhost.`

export type StartOptions = Pick<
  LocalOptions,
  'data' | 'ports' | 'model' | 'workers' | 'dashboard' | 'network'
> & {
  pretty: boolean | undefined
  help: boolean
}

const text = { type: 'string' } as const
const yes = { type: 'boolean' } as const

const readFlags = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        data: text,
        port: text,
        'dashboard-port': text,
        'postgres-port': text,
        'redis-port': text,
        'sqs-port': text,
        'dynamodb-port': text,
        'model-port': text,
        model: text,
        workers: yes,
        dashboard: yes,
        pretty: yes,
        help: yes,
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

const readPort = (flag: string, value: string | undefined): number | undefined => {
  if (value === undefined || value === '') return undefined
  const port = Number(value)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new UsageError(`${flag} takes a port from 0 to 65535, not ${value}`)
}

const readModel = (value = 'auto'): ModelWish => {
  if (value === 'auto' || value === 'rehearsal' || value === 'own') return value
  throw new UsageError(`--model takes auto, rehearsal or own, not ${value}`)
}

/** What the person asked for, from flags first and then the environment. Throws UsageError. */
export const readOptions = (args: readonly string[], env: NodeJS.ProcessEnv): StartOptions => {
  const flags = readFlags(args)
  const asked: Record<PortName, string | undefined> = {
    gateway: flags.port ?? env.PORT,
    dashboard: flags['dashboard-port'],
    postgres: flags['postgres-port'],
    redis: flags['redis-port'],
    sqs: flags['sqs-port'],
    dynamodb: flags['dynamodb-port'],
    model: flags['model-port'],
  }
  const ports: Partial<Record<PortName, number>> = {}
  for (const name of Object.keys(preferredPorts).filter((key): key is PortName => key in asked)) {
    const port = readPort(name === 'gateway' ? '--port' : `--${name}-port`, asked[name])
    if (port !== undefined) ports[name] = port
  }
  return {
    data: flags.data ?? env.ORCHESTRATOR_DATA ?? join(root, '.data'),
    ports,
    model: readModel(flags.model),
    dashboard: flags.dashboard ?? true,
    ...(flags.workers === false && { workers: [] }),
    ...(env.LISTEN_ON && {
      network: { listenOn: env.LISTEN_ON, hosts: (env.LISTEN_NAMES ?? '').split(',').filter(Boolean) },
    }),
    pretty: flags.pretty,
    help: flags.help ?? false,
  }
}
