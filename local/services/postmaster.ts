import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loopback } from '../port.ts'
import { isAlive, signal } from '../process.ts'
import { waitFor } from '../wait.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import type { Place } from './postgres-place.ts'

/** A running server, ours or left by an earlier run that was killed. */
export type Postmaster = { pid: number; port: number; ready: boolean }

/** What `postmaster.pid` says, when the process that it names is alive and serves this very folder. */
export const readPostmaster = (cluster: string): Postmaster | null => {
  let lines: string[]
  try {
    lines = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return null
  }
  const [pid, folder, , port, , , , status = ''] = lines
  const found = { pid: Number(pid), port: Number(port), ready: status.trim() === 'ready' }
  if (!Number.isInteger(found.pid) || found.pid < 2 || folder !== cluster) return null
  return isAlive(found.pid) && isPostgres(found.pid) ? found : null
}

/** Guards against a pid that was given to somebody else since; where the system cannot say, we believe. */
const isPostgres = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres')
  } catch {
    return process.platform !== 'linux'
  }
}

/** Short statements by the thousand: no JIT, room between checkpoints. Durability is left as it is: on. */
const settings = (port: number): string[] =>
  Object.entries({
    listen_addresses: loopback,
    port: String(port),
    unix_socket_directories: '',
    max_connections: '100',
    shared_buffers: '128MB',
    max_wal_size: '2GB',
    jit: 'off',
    log_min_messages: 'warning',
    timezone: 'UTC',
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`])

const spawnPostmaster = (binaries: PostgresBinaries, place: Place, port: number): ChildProcess => {
  const log = openSync(join(place.home, 'server.log'), 'a', 0o600)
  try {
    const child = spawn(binaries.postgres, ['-D', place.cluster, ...settings(port)], {
      cwd: place.home,
      stdio: ['ignore', log, log],
      // Its own process group: Ctrl-C in the terminal must not end it before its clients.
      detached: true,
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH },
      ...place.owner,
    })
    child.unref()
    return child
  } finally {
    closeSync(log)
  }
}

const lastLines = (place: Place): string => {
  const log = readFileSync(join(place.home, 'server.log'), 'utf8')
  return log.trimEnd().split('\n').slice(-8).join('\n')
}

const maxAttempts = 20
const betweenAttemptsMs = 250

/**
 * Starts a server, or waits for the one that is still starting, until it takes connections. After a kill the
 * old pid file or shared memory can stand in the way for some seconds, so one that exits is tried again.
 */
export const startPostmaster = async (
  binaries: PostgresBinaries,
  place: Place,
  port: number,
  deadlineMs: number,
): Promise<Postmaster> => {
  const tries: { child: ChildProcess; at: number }[] = []
  let failure: Error | null = null
  const attempt = (): void => {
    if (failure !== null) throw failure
    const last = tries.at(-1)
    if (last !== undefined && last.child.exitCode === null && last.child.signalCode === null) return
    if (last !== undefined && Date.now() - last.at < betweenAttemptsMs) return
    if (tries.length === maxAttempts) throw new Error('it exits at once')
    const child = spawnPostmaster(binaries, place, port)
    child.once('error', (error) => {
      failure = error
    })
    tries.push({ child, at: Date.now() })
  }
  try {
    return await waitFor('PostgreSQL', deadlineMs, () => {
      const found = readPostmaster(place.cluster)
      if (found === null) attempt()
      return found?.ready === true ? found : null
    })
  } catch (error) {
    const pid = tries.at(-1)?.child.pid
    if (pid !== undefined) signal(pid, 'SIGQUIT')
    throw new Error(`PostgreSQL did not start. Its log ends with:\n${lastLines(place)}`, { cause: error })
  }
}

/** Ends the server: its clients are cut, what was committed is on disk. Forced when it takes too long. */
export const stopPostmaster = async (cluster: string, deadlineMs: number): Promise<void> => {
  const found = readPostmaster(cluster)
  if (found === null) return
  signal(found.pid, 'SIGINT')
  const gone = () => (isAlive(found.pid) ? null : true)
  try {
    await waitFor('PostgreSQL to stop', deadlineMs, gone)
  } catch {
    signal(found.pid, 'SIGQUIT')
    await waitFor('PostgreSQL to stop', 5_000, gone)
  }
}
