import { lookup } from 'node:dns/promises'
import { realpath } from 'node:fs/promises'
import { addressFault } from '#core/network/address'
import { isBelow, placeOf, type RepositoryRules, repositoryFault } from '#core/session/repository'
import { withoutCredentials } from './run.ts'
import { RepositoryUnavailable } from './unavailable.ts'

/**
 * Looks at where a repository really is, now: through links, and at the addresses of its host. Answers what git is
 * to be told so that it goes there and nowhere else.
 * @throws RepositoryUnavailable, for good
 */
export async function reachOf(url: string, rules: RepositoryRules): Promise<string[]> {
  const refuse = (fault: string) => {
    const said = `The repository ${withoutCredentials(url)} ${fault}.`
    return new RepositoryUnavailable(said, false)
  }
  const fault = repositoryFault(url, rules)
  if (fault !== null) throw refuse(fault)
  const place = placeOf(url)
  if (place?.kind === 'path') {
    const real = await realpath(place.path).catch(() => place.path)
    if (!rules.roots.some((root) => isBelow(real, root)))
      throw refuse('leads out of the folders that are shared')
    return []
  }
  if (!place || rules.reach === 'any') return []
  const addresses = await lookup(place.host, { all: true }).catch(() => [])
  // A name that leads nowhere is git's to tell.
  for (const { address } of addresses) {
    const inside = addressFault(address, rules.reach)
    if (inside !== null) throw refuse(inside)
  }
  const [first] = addresses
  // Neither a second look at the name nor a redirect leads elsewhere.
  const pin =
    first && place.protocol === 'https'
      ? [`http.curloptResolve=${place.host}:${place.port || 443}:${first.address}`]
      : []
  return [...pin, 'http.followRedirects=false']
}
