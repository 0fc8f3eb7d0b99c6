/** Waits, and returns early (without error) when the signal is aborted. Milliseconds. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** Exponential backoff with full jitter: from `base` ms, doubled per try, at most `most` ms. */
export function backoff(tries: number, base = 200, most = 5_000): number {
  return Math.random() * Math.min(most, base * 2 ** Math.min(tries, 20))
}

/** Runs one after the other what is given to it: a lock within this process. */
export function createQueue() {
  let tail: Promise<unknown> = Promise.resolve()
  return <T>(work: () => Promise<T>): Promise<T> => {
    const turn = tail.then(work, work)
    tail = turn.catch(() => undefined)
    return turn
  }
}
