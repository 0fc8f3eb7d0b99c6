import type { Channel } from './channel.ts'
import type { SocketActor } from './ticket.ts'

/** Subscriptions that one connection may hold. */
export const maxSubscriptions = 50
/** A connection lives this long at most (API Gateway's own limit), in seconds. */
export const connectionSeconds = 7_200
/** A viewer that has confirmed within this time is one that confirms; it does so every 10 s. */
const freshMs = 60_000

/** One subscription of one connection, as it is stored by its channel. */
export type Viewer = {
  connection_id: string
  tenant_id: string
  /** With which it was let in; null for an agent. */
  key_id: string | null
  /** The last seq that it is known to have: its own word, or the end of its replay. */
  after: number
  /** Until then its replay has it for itself, in ms; 0 when it follows. */
  replaying_until: number
  /** When it last subscribed or confirmed, in ms. */
  seen_at: number
}

/** Those that follow: whoever is being replayed to gets the rest by the replay. */
export function following(viewers: Viewer[], tenant_id: string, now: number) {
  return viewers.filter((viewer) => viewer.tenant_id === tenant_id && viewer.replaying_until <= now)
}

/**
 * Where a broadcast begins when the cursor is lost: behind what all who confirm have. Whoever never confirms
 * does not make the others see a whole history again. null when nobody follows.
 */
export function startOf(viewers: Viewer[], now: number) {
  if (viewers.length === 0) return null
  const fresh = viewers.filter(({ seen_at }) => now - seen_at < freshMs).map(({ after }) => after)
  return fresh.length > 0 ? Math.min(...fresh) : Math.max(...viewers.map(({ after }) => after))
}

/** What became of a post: `gone` for good; `late` when the viewer took it too slowly, or was throttled. */
export type Posted = 'sent' | 'gone' | 'late'

/** The sockets of API Gateway. Nothing of it throws. */
export type Sockets = {
  post(connection_id: string, text: string): Promise<Posted>
  close(connection_id: string): Promise<void>
}

/** Who is connected, and who watches what. */
export type Viewers = {
  connect(connection_id: string, actor: SocketActor): Promise<void>
  /** Forgets a connection and all its subscriptions. Repeated it does nothing. */
  disconnect(connection_id: string): Promise<void>
  /**
   * Counts a channel to a connection. Answers who it is and whether it watched the channel before; or why not:
   * the connection is unknown, or holds as many subscriptions as it may.
   */
  join(connection_id: string, name: string): Promise<Joined | 'unknown' | 'full'>
  /** The opposite, with the subscription itself. Answers the channel, if there is one of that name. */
  leave(connection_id: string, name: string): Promise<Channel | null>
  /** Deletes one subscription, also one whose connection nobody knows any more. */
  drop(key: string, connection_id: string): Promise<void>
  /** Stores a subscription, over an earlier one. */
  put(key: string, viewer: Viewer): Promise<void>
  /** Ends a replay, or notes how far it came when it is to go on; nothing for a subscription that has ended. */
  replayed(key: string, connection_id: string, after: number, replaying_until: number): Promise<void>
  /** All that watch a channel, with whatever was stored before the call. */
  of(key: string): Promise<Viewer[]>
}

export type Joined = { actor: SocketActor; known: boolean }
