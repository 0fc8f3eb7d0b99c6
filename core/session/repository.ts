import { OrchestratorError } from '#core/error'
import { addressFault, type Reach } from '#core/network/address'

/** Which repositories may be worked on: what may be reached, and below which folders local ones may be. */
export type RepositoryRules = { reach: Reach; roots: string[] }

export const anyRepository: RepositoryRules = { reach: 'any', roots: ['/'] }

/** Where a repository is: on this machine, or at a host, by a protocol. */
export type Place =
  | { kind: 'path'; path: string }
  | { kind: 'host'; protocol: string; host: string; port: string }

/** Reads a git URL as git does: an absolute path, `file://`, a URL, or `user@host:path` (ssh). Null: none of them. */
export function placeOf(url: string): Place | null {
  if (url.startsWith('/')) return { kind: 'path', path: url }
  const scp = /^[\w.-]+@([\w.-]+):(?!\/\/)/.exec(url)
  if (scp) return { kind: 'host', protocol: 'ssh', host: scp[1] ?? '', port: '22' }
  if (!URL.canParse(url)) return null
  const { protocol, hostname, pathname, port } = new URL(url)
  if (protocol === 'file:') return { kind: 'path', path: decodeURIComponent(pathname) }
  return { kind: 'host', protocol: protocol.slice(0, -1), host: hostname.replace(/^\[|\]$/g, ''), port }
}

const protocols: Record<Reach, string[]> = {
  public: ['https', 'ssh'],
  any: ['https', 'ssh', 'http', 'git'],
}

/** Whether a path is a root or below one. Both are absolute; `..` climbs nowhere. */
export function isBelow(path: string, root: string) {
  if (path.split('/').includes('..')) return false
  const base = root.endsWith('/') ? root : `${root}/`
  return path === root || path.startsWith(base)
}

/** What is wrong with a repository's URL under these rules, or null; what its name leads to, the worker looks at. */
export function repositoryFault(url: string, { reach, roots }: RepositoryRules): string | null {
  const place = placeOf(url)
  if (!place) return 'must be a git URL or an absolute path'
  if (place.kind === 'path') {
    if (roots.some((root) => isBelow(place.path, root))) return null
    const where =
      roots.length > 0 ? `must be below ${roots.join(' or ')}` : 'must not be a path: no folder is shared'
    return `${where} (REPOSITORY_ROOTS)`
  }
  // OpenSSH and git would take a host that begins so for an option.
  if (place.host === '' || place.host.startsWith('-')) return 'must name a host'
  const known = protocols[reach]
  if (!known.includes(place.protocol)) return `must be reached by ${known.join(' or ')} (REPOSITORY_REACH)`
  return addressFault(place.host, reach)
}

/** @throws invalid_input */
export function assertRepository(repository: { url: string } | null, rules: RepositoryRules) {
  const fault = repository === null ? null : repositoryFault(repository.url, rules)
  if (fault === null) return
  const errors = [{ pointer: '/repository/url', message: fault }]
  throw new OrchestratorError('invalid_input', `The body is not valid: /repository/url ${fault}.`, { errors })
}
