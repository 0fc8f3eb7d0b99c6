import { AsyncLocalStorage } from 'node:async_hooks'

const running = new AsyncLocalStorage<string>()

/** Runs a request's work so that what it sends on carries its id. */
export function underRequest<T>(request_id: string, work: () => Promise<T>) {
  return running.run(request_id, work)
}

/** The id of the request that runs now. */
export function requestId() {
  return running.getStore()
}
