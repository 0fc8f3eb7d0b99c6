import type { ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { endChild, startBoundChild } from '../child.ts'
import { choosePort, loopback } from '../port.ts'
import { findOnPath } from '../process.ts'
import { root } from '../root.ts'
import { waitFor } from '../wait.ts'
import { type OnDeath, type Service, withoutPassword } from './service.ts'

export type RedisOptions = {
  /** A server that runs already (REDIS_URL): used as it is and never stopped. */
  external?: string | undefined
  /** The local cloud's data folder, absolute. */
  data: string
  port?: number | undefined
  deadlineMs: number
  /** The server's binary; null: none, use the one in JavaScript. Found on PATH when not given. */
  binary?: string | null | undefined
  onDeath?: OnDeath | undefined
}

/** Pause before a server that died is started again. */
const restartMs = 250

/**
 * Redis: the given one, a redis-server or valkey-server of the system, or a server in JavaScript. The last two
 * keep nothing on disk: what Redis holds for us may be lost. A child in any case, never inside this process.
 */
export const startRedis = async (options: RedisOptions): Promise<Service> => {
  if (options.external !== undefined) return externalRedis(options.external, options.deadlineMs)
  const binary = options.binary === undefined ? findOnPath(['redis-server', 'valkey-server']) : options.binary
  const port = await choosePort('redis', options.port)
  const url = `redis://${loopback}:${port}`
  const launch = () =>
    binary === null ? startScripted(options.data, port) : startBinary(options.data, binary, port)
  let child = launch()
  try {
    const version = await waitForRedis(url, options.deadlineMs, child)
    let timer: NodeJS.Timeout | undefined
    let stopping = false
    const watch = (): void => {
      child.once('exit', (code, by) => {
        if (stopping) return
        options.onDeath?.('redis', by ?? `exit ${code}`)
        timer = setTimeout(() => {
          child = launch()
          watch()
        }, restartMs)
      })
    }
    watch()
    const stop = (): Promise<void> => {
      stopping = true
      clearTimeout(timer)
      return endChild(child, 3_000)
    }
    const note = binary === null ? 'js-redis-server, in memory' : `${binary} ${version}, in memory`
    return { name: 'redis', url, note, stop }
  } catch (error) {
    await endChild(child, 0)
    throw error
  }
}

const externalRedis = async (url: string, deadlineMs: number): Promise<Service> => {
  try {
    const version = await waitForRedis(url, deadlineMs, null)
    return { name: 'redis', url, note: `given, Redis ${version}`, stop: async () => {} }
  } catch (error) {
    throw new Error(`REDIS_URL is set, but ${withoutPassword(url)} does not answer`, { cause: error })
  }
}

const startBinary = (data: string, binary: string, port: number): ChildProcess => {
  const folder = join(data, 'redis')
  mkdirSync(folder, { recursive: true })
  const flags = [
    '--port',
    String(port),
    '--bind',
    loopback,
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'no',
  ]
  return startBoundChild({
    command: binary,
    args: [...flags, '--daemonize', 'no', '--loglevel', 'warning', '--logfile', join(folder, 'server.log')],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    cwd: folder,
    stdio: 'ignore',
    pidFile: join(folder, 'pid'),
  })
}

/** Its WebAssembly for Lua alone takes 75 MB: a process of its own keeps ours small. */
const startScripted = (data: string, port: number): ChildProcess => {
  mkdirSync(join(data, 'redis'), { recursive: true })
  const script = fileURLToPath(new URL('./redis-child.ts', import.meta.url))
  return startBoundChild({
    command: process.execPath,
    args: ['--import', 'tsx', script, String(port)],
    env: { PATH: process.env.PATH },
    cwd: root,
    // The channel tells it when we are gone, where the kernel cannot.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    pidFile: join(data, 'redis/pid'),
  })
}

/** Answers the server's version once it answers at all. */
const waitForRedis = (url: string, deadlineMs: number, child: ChildProcess | null): Promise<string> =>
  waitFor('Redis', deadlineMs, async () => {
    if (child !== null && (child.exitCode !== null || child.signalCode !== null)) {
      throw new Error(`Redis ended at once with ${child.exitCode ?? child.signalCode}`)
    }
    // A client each time: one that was refused once stays closed.
    const client = new Redis(url, { lazyConnect: true, connectTimeout: 2_000, retryStrategy: () => null })
    client.on('error', () => {})
    try {
      await client.connect()
      return /redis_version:(\S+)/.exec(await client.info('server'))?.[1] ?? ''
    } catch {
      return null
    } finally {
      client.disconnect()
    }
  })
