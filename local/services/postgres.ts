import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { choosePort, loopback } from '../port.ts'
import { guardPostmaster } from './guard.ts'
import { findBinaries, type PostgresBinaries } from './postgres-binaries.ts'
import { findPlace, makeServerFolder, type Place, reachableBinaries } from './postgres-place.ts'
import { type Postmaster, readPostmaster, startPostmaster, stopPostmaster } from './postmaster.ts'
import type { OnDeath, Service } from './service.ts'

export type PostgresOptions = {
  /** A database that runs already (DATABASE_URL): used as it is and never stopped. */
  external?: string | undefined
  /** The local cloud's data folder, absolute. */
  data: string
  port?: number | undefined
  deadlineMs: number
  onDeath?: OnDeath | undefined
}

/** How often we look whether the server still runs. */
const watchMs = 500

const run = promisify(execFile)
const database = 'orchestrator'

/**
 * The database: the given one, or a PostgreSQL of our own with its data in `<data>/postgres`. It ends with us,
 * however we end; one that is still there is adopted, whatever port it has. fsync is on.
 */
export const startPostgres = async (options: PostgresOptions): Promise<Service> => {
  if (options.external !== undefined) return externalPostgres(options.external, options.deadlineMs)
  const place = findPlace(options.data)
  const binaries = reachableBinaries(findBinaries(clusterVersion(place)), place)
  const left = readPostmaster(place.cluster)
  if (clusterVersion(place) === null) await createCluster(binaries, place, options.deadlineMs)
  const port = left?.port ?? (await choosePort('postgres', options.port))
  const letGo = guardPostmaster(place.cluster)
  const server = await startPostmaster(binaries, place, port, options.deadlineMs)
  const url = await createDatabase(place, server, options.deadlineMs)
  return {
    name: 'postgres',
    url,
    note: `${binaries.note}${left === null ? '' : ', adopted'}, data in ${place.cluster}`,
    stop: keepRunning(binaries, place, port, options, letGo),
  }
}

/** Starts a server that died again: PostgreSQL recovers by itself from all but the loss of its first process. */
const keepRunning = (
  binaries: PostgresBinaries,
  place: Place,
  port: number,
  options: PostgresOptions,
  letGo: () => void,
): (() => Promise<void>) => {
  let restarting: Promise<unknown> | null = null
  const look = (): void => {
    if (restarting !== null || readPostmaster(place.cluster) !== null) return
    options.onDeath?.('postgres', 'its process is gone')
    restarting = startPostmaster(binaries, place, port, options.deadlineMs)
      .catch((error: unknown) => options.onDeath?.('postgres', reason(error)))
      .finally(() => {
        restarting = null
      })
  }
  const timer = setInterval(look, watchMs)
  return async () => {
    clearInterval(timer)
    await restarting
    await stopPostmaster(place.cluster, 10_000)
    letGo()
  }
}

const externalPostgres = async (url: string, deadlineMs: number): Promise<Service> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: deadlineMs })
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    const note = `given, PostgreSQL ${rows[0]?.server_version ?? ''}`
    return { name: 'postgres', url, note, stop: async () => {} }
  } catch (error) {
    throw new Error(`DATABASE_URL is set, but that database does not answer: ${reason(error)}`, {
      cause: error,
    })
  } finally {
    await client.end().catch(() => {})
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const clusterVersion = (place: Place): number | null => {
  const file = join(place.cluster, 'PG_VERSION')
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : null
}

const passwordFile = (place: Place): string => join(place.home, 'password')

/** Made beside its place and renamed, so that a killed initdb is never taken for a database. */
const createCluster = async (binaries: PostgresBinaries, place: Place, deadlineMs: number): Promise<void> => {
  const fresh = `${place.cluster}.new`
  rmSync(fresh, { recursive: true, force: true })
  makeServerFolder(fresh, place.owner)
  const handed = `${place.cluster}.password`
  const password = randomBytes(24).toString('hex')
  writeFileSync(handed, password, { mode: 0o600 })
  if (place.owner !== null) chownSync(handed, place.owner.uid, place.owner.gid)
  const locale =
    binaries.major >= 17
      ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
      : ['--locale=C']
  const auth = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${handed}`]
  await run(binaries.initdb, ['-D', fresh, '--encoding=UTF8', ...locale, ...auth], {
    cwd: place.home,
    timeout: deadlineMs,
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH },
    ...place.owner,
  })
  rmSync(handed)
  writeFileSync(passwordFile(place), password, { mode: 0o600 })
  renameSync(fresh, place.cluster)
}

/** Makes our database on the first start. Answers the address to use. */
const createDatabase = async (place: Place, server: Postmaster, deadlineMs: number): Promise<string> => {
  const password = readFileSync(passwordFile(place), 'utf8').trim()
  const address = `postgres://postgres:${password}@${loopback}:${server.port}`
  const client = new Client({
    connectionString: `${address}/postgres`,
    connectionTimeoutMillis: deadlineMs,
    query_timeout: deadlineMs,
  })
  await client.connect()
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database])
    if (rowCount === 0) await client.query(`create database ${database}`)
  } finally {
    await client.end()
  }
  return `${address}/${database}`
}
