import { openLive } from '#core/live/client/client'
import { liveTiming, Refused, socketUrl, systemClock } from '#core/live/client/inputs'
import { apiBase, socketBase } from '../api/client.ts'
import { api } from '../api/endpoints.ts'
import { passes, Refusal, sentenceOf } from '../api/failure.ts'
import type { Live } from './live.ts'

/** How often the page hears how long ago the last word came, in ms. */
const heardMs = 1_000

/** The live connection over the WebSocket: while it lives, nothing is polled. */
export function openSocket(): Live {
  const listeners = new Set<() => void>()
  const client = openLive(
    {
      address,
      connect: (url) => new WebSocket(url),
      clock: systemClock,
      random: Math.random,
      timing: liveTiming,
      report: (error) => console.error(error),
    },
    tell,
  )
  // When the other side was last heard of is told too, which is no change of state.
  const clock = setInterval(tell, heardMs)
  const retry = () => client.retry()
  // The browser knows first when the network is back, or when a page that slept is looked at again.
  window.addEventListener('online', retry)
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) retry()
  })
  let status = client.status()

  function tell() {
    for (const listener of listeners) listener()
  }

  return {
    via: 'WebSocket',
    session: (id, after, listener) => client.session(id, after, listener),
    fleet: (on) => client.fleet({ on: () => on() }),
    status() {
      // React asks often and compares by identity.
      const now = client.status()
      const same = (Object.keys(now) as (keyof typeof now)[]).every((key) => now[key] === status[key])
      if (!same) status = now
      return status
    },
    onStatus(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    retry,
    close() {
      window.removeEventListener('online', retry)
      clearInterval(clock)
      client.close()
    },
  }
}

/** A ticket opens one socket. A page that may not have one asks again seldom. */
async function address(signal: AbortSignal) {
  try {
    const { ticket, url } = await api.socketTicket({ signal })
    return socketUrl(apiBase(), { ticket, url: socketBase() ?? url })
  } catch (error) {
    const final = error instanceof Refusal && !passes(error)
    throw new (final ? Refused : Error)(sentenceOf(error))
  }
}
