import { type Channel, keyOf } from '#core/live/channel'

/**
 * The names of all that we keep in Redis. Each says its tenant first, so that what belongs to whom can be told, and
 * taken away, by the name alone. The braces keep what is changed together in one slot of a cluster.
 */
export const redisKeys = {
  lease: (name: string) => `lease:{${name}}`,
  /** The number that grows with each holder. */
  fence: (name: string) => `lease:{${name}}:fence`,
  /** The mark of who was refused. */
  again: (name: string) => `lease:{${name}}:again`,
  presence: ({ tenant_id, id }: PresentAgent) => `presence:{${tenant_id}}:${id}`,
  missed: ({ tenant_id, id }: PresentAgent) => `presence:{${tenant_id}}:${id}:missed`,
  rate: (bucket: string) => `rate:{${bucket}}`,
  live: (channel: Channel, what: string) => `live:{${keyOf(channel)}}:${what}`,
  bell: (channel: Channel) => `bell:${keyOf(channel)}`,
} as const

export type PresentAgent = { tenant_id: string; id: string }

/** What is leased, and what requests are counted in, begin with their tenant too. */
export const leaseNames = {
  tenant: (tenant_id: string) => `${tenant_id}:tenant`,
  session: (tenant_id: string, id: string) => `${tenant_id}:session:${id}`,
  broadcast: (channel: Channel) => `${channel.tenant_id}:broadcast:${channel.kind}:${channel.id}`,
} as const

/** Keys of no tenant, and why. */
export const globalKeys = {
  'presence:epoch': 'since when this process of Redis runs',
  'metrics:timings': 'how the whole fleet does, under bounded labels, of which no tenant is one',
  'metrics:sockets': 'how many connections are open, by their random ids',
} as const satisfies Record<string, string>
export type GlobalKey = keyof typeof globalKeys
