import { AsyncLocalStorage } from 'node:async_hooks'

type Running = { request_id: string; sessions: ReadonlyMap<string, string> }

const running = new AsyncLocalStorage<Running>()

/**
 * Runs an invocation's work so that its lines, and what it sends on, carry its id. `sessions` are those that other
 * requests asked it to look at.
 */
export function underRequest<T>(
  request_id: string,
  work: () => Promise<T>,
  sessions: ReadonlyMap<string, string> = new Map(),
) {
  return running.run({ request_id, sessions }, work)
}

/** The id of what runs now. */
export function requestId() {
  return running.getStore()?.request_id
}

/** The request that a session is looked at for: the one that woke it, else what runs now. */
export function requestOf(session_id: string) {
  const now = running.getStore()
  return now?.sessions.get(session_id) ?? now?.request_id
}
