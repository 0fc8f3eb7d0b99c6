import ipaddr from 'ipaddr.js'

/** What may be called from here: only what the public Internet has, or anything. */
export type Reach = 'public' | 'any'

/**
 * Why an address may not be called, or null. Everything that is not plainly public is refused: loopback, private,
 * link-local (where clouds keep their metadata), carrier's, multicast, and what wraps another address. A name is
 * no address and passes: what it leads to is looked at once it is known.
 */
export function addressFault(host: string, reach: Reach): string | null {
  if (reach === 'any') return null
  if (/(^|\.)(localhost|internal|local)\.?$/i.test(host)) return `must not lead inside, as ${host} does`
  if (!ipaddr.isValid(host)) return null
  const range = ipaddr.process(host).range()
  return range === 'unicast' ? null : `must not lead to an address that is ${range}`
}
