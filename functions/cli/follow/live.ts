import * as z from 'zod'
import type { Event } from '#core/event/event'
import { openLive } from '#core/live/client/client'
import { type LiveInputs, type LiveTiming, Refused, socketUrl, systemClock } from '#core/live/client/inputs'
import { isSame, type LiveStatus } from '#core/live/client/status'
import { connectSocket } from '#functions/socket-client'
import { type Api, call } from '../api/client.ts'
import { Problem, reasonOf, Unexpected } from '../api/errors.ts'
import { EventView } from '../api/records.ts'
import type { Link } from './status.ts'
import { followEvents, type Signal, type StreamOptions } from './stream.ts'

const Ticket = z.object({ ticket: z.string(), url: z.string().optional() })

export type LiveSignal = Signal | { kind: 'link'; link: Link }

export type LiveOptions = StreamOptions & {
  session: string
  live: Pick<LiveInputs, 'address' | 'connect' | 'timing'>
}

/** What opens sockets to this API. */
export function liveInputs(api: Api, timing: LiveTiming): LiveOptions['live'] {
  return {
    async address(signal) {
      const asked = { ...api, retry_ms: [], signal: AbortSignal.any([api.signal, signal]) }
      try {
        const { value } = await call(asked, Ticket, '/socket-tickets', { method: 'POST' })
        return socketUrl(api.base, value)
      } catch (error) {
        const final = error instanceof Problem ? !error.passing : error instanceof Unexpected
        throw new (final ? Refused : Error)(reasonOf(error))
      }
    },
    connect: connectSocket,
    timing,
  }
}

/**
 * A session's events, each seq once, in order, without a hole: from the socket, and in short answers while
 * there is none. Both go on where the other was. Ends when `signal` aborts; throws as followEvents does.
 */
export async function* followLive(options: LiveOptions): AsyncGenerator<LiveSignal, void, void> {
  const { session, signal, random, live } = options
  const bell = createBell(signal)
  let batch: { events: Event[]; taken: () => void } | undefined
  let last = options.after
  let told = ''
  const client = openLive({ ...live, clock: systemClock, random, report: () => {} })
  const channel = client.session(session, last, {
    // The next batch comes when this one was shown: a slow terminal slows the socket's reader.
    on: (events) =>
      new Promise<void>((taken) => {
        batch = { events, taken }
        bell.ring()
      }),
    status: bell.ring,
  })
  try {
    while (!signal.aborted) {
      const status = channel.status()
      const without = whyWithout(status)
      if (without !== undefined) {
        const back = bell.until(() => whyWithout(channel.status()) === undefined)
        for await (const next of readShort({ ...options, after: last, without, back })) {
          if (next.kind === 'event') last = next.event.seq
          yield next
        }
        channel.skipTo(last)
        told = ''
        continue
      }
      const link = linkOf(status)
      if (batch === undefined) {
        if (told !== link.state) yield { kind: 'link', link }
        told = link.state
        await bell.next(() => batch !== undefined || !isSame(status, channel.status()))
        continue
      }
      const { events, taken } = batch
      batch = undefined
      for (const event of events) {
        if (event.seq <= last) continue
        last = event.seq
        yield signalOf(event)
      }
      taken()
    }
  } finally {
    client.close()
  }
}

/** Why there is no socket to wait for: it is long gone, or the first try did not get one. */
function whyWithout({ state, heard_at, reason }: LiveStatus) {
  const hopeless = state === 'offline' || (state === 'reconnecting' && heard_at === null && reason !== null)
  return hopeless ? (reason ?? 'no connection') : undefined
}

function linkOf({ state, reason, heard_at }: LiveStatus): Link {
  if (state === 'live' || state === 'catching_up') return { state }
  if (heard_at === null) return { state: 'connecting' }
  return { state: 'away', reason: reason ?? 'no connection', heard_at }
}

function signalOf(event: Event): Signal {
  const read = EventView.safeParse(event)
  if (!read.success) throw new Unexpected(`Event ${event.seq} of the socket cannot be read.`)
  return { kind: 'event', event: read.data, raw: JSON.stringify(event) }
}

type ShortOptions = LiveOptions & { without: string; back: { signal: AbortSignal; stop: () => void } }

/** The short answers of the API, until the socket is back, and how the link stands with them. */
async function* readShort({
  without,
  back,
  ...options
}: ShortOptions): AsyncGenerator<LiveSignal, void, void> {
  const signal = AbortSignal.any([options.signal, back.signal])
  let heard_at: number | null = null
  try {
    for await (const next of followEvents({ ...options, signal })) {
      if (next.kind === 'away') yield { kind: 'link', link: { state: 'away', reason: next.reason, heard_at } }
      else {
        heard_at = options.now()
        yield { kind: 'link', link: { state: 'polling', reason: without } }
      }
      yield next
    }
  } finally {
    back.stop()
  }
}

/** Wakes whoever waits for a condition; the end of `signal` wakes everybody. */
function createBell(signal: AbortSignal) {
  const waiting = new Set<() => void>()
  const ring = () => {
    for (const look of [...waiting]) look()
  }
  signal.addEventListener('abort', ring, { once: true })
  return {
    ring,
    next: (true_now: () => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!true_now() && !signal.aborted) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    /** A signal that is aborted once the condition holds. */
    until(true_now: () => boolean) {
      const over = new AbortController()
      const look = () => {
        if (true_now()) over.abort()
      }
      waiting.add(look)
      look()
      return { signal: over.signal, stop: () => void waiting.delete(look) }
    },
  }
}
