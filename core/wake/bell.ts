import type { Redis } from 'ioredis'

/** Rings that end a long poll early. Best effort: whoever waits looks again at its deadline anyway. */
export type Bells = {
  ring(names: string[]): void
  /** Resolves when the bell rings or after `ms`, whichever is first; `signal` ends the wait too. */
  wait(name: string, ms: number, signal?: AbortSignal): Promise<void>
  end(): void
}

export const bellOf = {
  inbox: (agent_id: string) => `bell:inbox:${agent_id}`,
  events: (session_id: string) => `bell:events:${session_id}`,
}

/** Bells over Redis' publish and subscribe, so that any process ends a poll held by another. */
export function redisBells(redis: Redis, subscriber: Redis): Bells {
  const waiting = new Map<string, Set<() => void>>()
  subscriber.on('message', (name: string) => {
    for (const wake of waiting.get(name) ?? []) wake()
  })

  function leave(name: string, wake: () => void) {
    const others = waiting.get(name)
    others?.delete(wake)
    if (others?.size !== 0) return
    waiting.delete(name)
    subscriber.unsubscribe(name).catch(() => {})
  }

  return {
    ring(names) {
      if (names.length === 0) return
      const pipeline = redis.pipeline()
      for (const name of new Set(names)) pipeline.publish(name, '')
      pipeline.exec().catch(() => {})
    },
    wait(name, ms, signal) {
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', done)
          leave(name, done)
          resolve()
        }
        const timer = setTimeout(done, ms)
        signal?.addEventListener('abort', done)
        const others = waiting.get(name)
        if (others) others.add(done)
        else {
          waiting.set(name, new Set([done]))
          subscriber.subscribe(name).catch(() => {})
        }
      })
    },
    end() {
      redis.disconnect()
      subscriber.disconnect()
    },
  }
}

/** Bells of one process: for tests and benchmarks that run everything in it. */
export function localBells(): Bells {
  const waiting = new Map<string, Set<() => void>>()
  return {
    ring(names) {
      for (const name of names) for (const wake of waiting.get(name) ?? []) wake()
    },
    wait(name, ms, signal) {
      return new Promise((resolve) => {
        const others = waiting.get(name) ?? new Set()
        const done = () => {
          clearTimeout(timer)
          others.delete(done)
          if (others.size === 0) waiting.delete(name)
          resolve()
        }
        const timer = setTimeout(done, ms)
        signal?.addEventListener('abort', done, { once: true })
        waiting.set(name, others.add(done))
      })
    },
    end() {},
  }
}
