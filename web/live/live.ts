import type { SessionEvent } from '../api/types.ts'

/** `catching_up`: connected, and asking for what was missed. `offline`: without a connection for long. */
export type LiveState = 'live' | 'catching_up' | 'reconnecting' | 'offline'

/** Times in ms since 1970, by this machine's clock. */
export type LiveStatus = {
  state: LiveState
  /** When the other side was last heard of; null before the first word. */
  heard_at: number | null
  /** Why it is not connected. */
  reason: string | null
  /** When the next try is made; null while connected or trying. */
  retry_at: number | null
}

export type Subscription = { close(): void }

/** What the pages need of the live connection; one file says how it is made (open.ts). */
export type Live = {
  /** How the link is kept, in words for the status bar. */
  readonly via: string
  /** Events of a session after a seq: each once, in order, without a gap. */
  session(
    id: string,
    after: number,
    listener: { on(events: SessionEvent[]): void; status?(status: LiveStatus): void },
  ): Subscription
  /** Called when something in the fleet has changed: sessions, tasks, agents, counts. At most once a second. */
  fleet(on: () => void): Subscription
  status(): LiveStatus
  onStatus(listener: () => void): () => void
  /** Tries at once instead of at the end of the pause. */
  retry(): void
  close(): void
}
