import type { Inbox } from '#core/agent/inboxes'
import type { Database } from '#core/database/database'
import type { EndedKeys } from '#core/key/ended'
import type { Leases } from '#core/lock/lease'
import type { Channel, LiveWake } from './channel.ts'
import type { EventCache } from './event-cache.ts'
import type { Roster } from './roster.ts'
import type { Sockets, Viewers } from './viewer.ts'
import type { Watch } from './watch.ts'

/** What the live verbs work with. The database is the api's role: a tenant's channels read its rows only. */
export type LiveServices = {
  database: Database
  inbox: Inbox
  viewers: Viewers
  roster: Roster
  cache: EventCache
  sockets: Sockets
  watch: Watch
  leases: Leases
  ended: EndedKeys
  /** Sends wakes to the broadcast queue. Never throws. */
  wake: (wakes: LiveWake[]) => Promise<void>
  report: (event: LiveReport) => void
  /** Told when events that had just happened have been posted, by the times at which they did. */
  delivered?: (happened_at: string[]) => void
  now: () => number
  pause: (ms: number) => Promise<unknown>
}

export type LiveReport =
  | { event: 'viewer_gone'; channel: string; connection_id: string }
  | { event: 'viewer_late'; channel: string; connection_id: string }
  | { event: 'broadcast_failed'; channel: string; tenant_id: string; reason: string }

/** The tenant itself as the one who reads: what a connection may see was settled when it subscribed. */
export const readerOf = ({ tenant_id }: Channel) => ({ kind: 'system', tenant_id }) as const
