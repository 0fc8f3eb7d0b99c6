import { AsyncLocalStorage } from 'node:async_hooks'
import type { WakeMessage } from '#core/wake/wake'

const running = new AsyncLocalStorage<Map<string, string>>()

/** Runs a batch so that its lines carry the ids of the requests that woke its sessions. */
export function underWakes<T>(wakes: WakeMessage[], work: () => Promise<T>) {
  const requests = wakes.flatMap((wake) =>
    wake.kind === 'session' && wake.request_id ? [[wake.session_id, wake.request_id] as const] : [],
  )
  return running.run(new Map(requests), work)
}

/** The request that a session was woken by, if it was one. */
export function requestOf(session_id: string) {
  return running.getStore()?.get(session_id)
}
