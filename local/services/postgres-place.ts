import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { linkLibraries, type PostgresBinaries } from './postgres-binaries.ts'

export type Owner = { uid: number; gid: number }

export type Place = {
  /** Ours: holds the password, the log and the cluster folder. */
  home: string
  /** The server's data folder. */
  cluster: string
  /** Who the server runs as; null: as ourselves. */
  owner: Owner | null
}

/** PostgreSQL refuses root, so root runs it as the user that owns nothing. */
const unprivilegedUser = (): Owner => {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  return { uid: Number(uid ?? 65534), gid: Number(gid ?? 65534) }
}

/** Whether any user may pass through every folder down to this one. */
const reachableByAll = (path: string): boolean => {
  if ((statSync(path).mode & 0o001) === 0) return false
  const parent = dirname(path)
  return parent === path || reachableByAll(parent)
}

const ownFolder = (path: string): void => {
  mkdirSync(path, { recursive: true, mode: 0o711 })
  const found = lstatSync(path)
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Error(`${path} belongs to somebody else: remove it, or start with another --data folder.`)
  }
}

/**
 * Where the cluster lives: `<data>/postgres`, or, for root in a folder that other users cannot enter
 * (a checkout under /root), a folder of its own under /var/tmp, named after the data folder.
 */
export const findPlace = (data: string): Place => {
  const home = join(data, 'postgres')
  mkdirSync(home, { recursive: true, mode: 0o711 })
  if (process.getuid?.() !== 0) return { home, cluster: join(home, 'cluster'), owner: null }
  const owner = unprivilegedUser()
  // The data folder itself is ours to open (a temporary one is closed to others); what is above it is not.
  if (reachableByAll(dirname(data))) chmodSync(data, statSync(data).mode | 0o011)
  if (reachableByAll(home)) return { home, cluster: join(home, 'cluster'), owner }
  const name = createHash('sha256').update(data).digest('hex').slice(0, 12)
  const elsewhere = `/var/tmp/orchestrator-postgres-${name}`
  ownFolder(elsewhere)
  chmodSync(elsewhere, 0o711)
  return { home: elsewhere, cluster: join(elsewhere, 'cluster'), owner }
}

/** The folder, empty of meaning yet, that the server's user may write. */
export const makeServerFolder = (path: string, owner: Owner | null): void => {
  mkdirSync(path, { mode: 0o700 })
  if (owner !== null) chownSync(path, owner.uid, owner.gid)
}

/** The binaries themselves, or a copy of them where the server's user can reach it. */
export const reachableBinaries = (binaries: PostgresBinaries, place: Place): PostgresBinaries => {
  if (place.owner === null || !binaries.embedded || reachableByAll(binaries.home)) return binaries
  const home = join(place.home, `native-${binaries.note.replace(/[^0-9.]/g, '')}`)
  if (!existsSync(join(home, 'bin/postgres'))) {
    cpSync(binaries.home, home, { recursive: true, verbatimSymlinks: true })
    chmodSync(home, 0o755)
  }
  linkLibraries(home)
  return { ...binaries, home, initdb: join(home, 'bin/initdb'), postgres: join(home, 'bin/postgres') }
}
