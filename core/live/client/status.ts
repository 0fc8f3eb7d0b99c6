/**
 * `live`: connected, and nothing is known that was not handed on. `catching_up`: connected, and asking for
 * the rest. `reconnecting`: no connection for a short while. `offline`: for long, or refused.
 */
export type LiveState = 'live' | 'catching_up' | 'reconnecting' | 'offline'

/** Times in ms, by the clock of the client. */
export type LiveStatus = {
  state: LiveState
  /** When the other side was last heard of; null before the first word. */
  heard_at: number | null
  /** Why it is not connected. */
  reason: string | null
  /** When the next try is made; null while connected, while trying, or when asking again cannot help. */
  retry_at: number | null
}

export function isSame(a: LiveStatus, b: LiveStatus) {
  return a.state === b.state && a.reason === b.reason && a.retry_at === b.retry_at
}
