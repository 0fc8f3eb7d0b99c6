import { setTimeout as pause } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { Problem, problemOf, reasonOf, Unexpected, Unreachable } from '../api/errors.ts'
import { EventView } from '../api/records.ts'

export type StreamTiming = {
  /** Pause after an answer that had events; after an empty one it is what the server's `retry` says. */
  page_ms: number
  /** The pause after an empty answer until the server says another. */
  retry_ms: number
  /** Without a byte for so long, a connection is given up. The API itself holds one for up to 20 s. */
  silence_ms: number
  /** The first and the longest pause of an outage; it doubles, and is drawn from its upper half. */
  backoff_ms: { first: number; longest: number }
  /** An outage longer than this ends the stream with Unreachable. */
  outage_ms: number
}

export const streamTiming: StreamTiming = {
  page_ms: 100,
  retry_ms: 500,
  silence_ms: 45_000,
  backoff_ms: { first: 250, longest: 10_000 },
  outage_ms: 15 * 60_000,
}

export type StreamOptions = {
  /** The events of one session: …/sessions/{id}/events */
  url: URL
  key?: string | undefined
  /** The last seq already seen; 0 begins at the beginning. */
  after: number
  signal: AbortSignal
  timing: StreamTiming
  /** 0 ≤ n < 1, for the jitter. */
  random: () => number
  now: () => number
}

/** `event`: the next one. `answered`: an answer ended well. `away`: it is tried again. `hole`: asked again. */
export type Signal =
  | { kind: 'event'; event: EventView; raw: string }
  | { kind: 'answered'; fresh: boolean }
  | { kind: 'away'; reason: string; retry_in_ms: number }
  | { kind: 'hole'; expected: number; seen: number }

/** A hole that stays after so many tries is no race but a damaged history. */
const holesAllowed = 8
/** An answer is at most 4 MB; a line that grows past this is no event of ours. */
const longestEvent = 8 * 1024 * 1024

class Hole extends Error {
  readonly seen: number
  constructor(seen: number) {
    super('an event is missing')
    this.seen = seen
  }
}

/**
 * A session's events, each seq once, in order, without a hole, however often the server repeats, cuts the
 * connection or is away. Ends when `signal` aborts. Throws the Problem of a refusal (an unknown session),
 * Unreachable after too long an outage, Unexpected when a hole stays.
 */
export async function* followEvents(options: StreamOptions): AsyncGenerator<Signal, void, void> {
  const { timing, signal, now } = options
  let last = options.after
  let retry = timing.retry_ms
  let misses = 0
  let holes = 0
  let awaySince: number | undefined
  while (!signal.aborted) {
    const before = last
    let wait = retry
    try {
      for await (const message of readAnswer(options, last, (ms) => (retry = Math.min(ms, 10_000)))) {
        const event = eventOf(message)
        if (event.seq <= last) continue
        if (event.seq > last + 1) throw new Hole(event.seq)
        last = event.seq
        holes = 0
        yield { kind: 'event', event, raw: message }
      }
      misses = 0
      holes = 0
      awaySince = undefined
      wait = last > before ? timing.page_ms : retry
      yield { kind: 'answered', fresh: last > before }
    } catch (error) {
      if (signal.aborted) return
      if (last > before) misses = 0
      wait = backoff(options, misses++)
      if (error instanceof Hole) {
        if (holes >= holesAllowed) throw new Unexpected(`Event ${last + 1} is missing in the history.`)
        if (holes++ === 0) wait = 0
        yield { kind: 'hole', expected: last + 1, seen: error.seen }
      } else {
        if (last > before || awaySince === undefined) awaySince = now()
        wait = Math.max(wait, waitAsked(error))
        if (now() - awaySince > timing.outage_ms) throw new Unreachable(options.url.origin, error)
        yield { kind: 'away', reason: reasonOf(error), retry_in_ms: wait }
      }
    }
    await pause(wait, undefined, { signal }).catch(() => {})
  }
}

/** What the server asks to wait; an error that trying again cannot heal is thrown on. */
function waitAsked(error: unknown) {
  if (error instanceof Unexpected) throw error
  if (!(error instanceof Problem)) return 0
  if (!error.passing) throw error
  return Math.min(error.retry_after_ms ?? 0, 60_000)
}

function backoff({ timing, random }: StreamOptions, misses: number) {
  const { first, longest } = timing.backoff_ms
  const most = Math.min(longest, first * 2 ** Math.min(misses, 16))
  return most / 2 + (random() * most) / 2
}

function eventOf(message: string) {
  try {
    return EventView.parse(JSON.parse(message))
  } catch {
    throw new Unexpected(`An event of the stream cannot be read: ${message.slice(0, 200)}`)
  }
}

/** One short answer: the data of its messages as they come. An incomplete last message is left out. */
async function* readAnswer(options: StreamOptions, last: number, onRetry: (ms: number) => void) {
  const { url, key, signal, timing } = options
  const connection = new AbortController()
  const stop = () => connection.abort()
  const silence = setTimeout(
    () => connection.abort(new Error('the connection fell silent')),
    timing.silence_ms,
  )
  signal.addEventListener('abort', stop, { once: true })
  try {
    const headers = new Headers({ accept: 'text/event-stream' })
    if (key) headers.set('authorization', `Bearer ${key}`)
    if (last > 0) headers.set('last-event-id', String(last))
    const response = await fetch(url, { headers, signal: connection.signal })
    if (!response.ok) throw await problemOf(response)
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
      throw new Unexpected(`${url.pathname} answered no event stream; is this the orchestrator's API?`)
    }
    const complete: string[] = []
    const parser = createParser({
      onEvent: ({ data }) => complete.push(data),
      onRetry,
      maxBufferSize: longestEvent,
    })
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      silence.refresh()
      parser.feed(decoder.decode(chunk, { stream: true }))
      yield* complete.splice(0)
    }
  } finally {
    clearTimeout(silence)
    signal.removeEventListener('abort', stop)
    connection.abort()
  }
}
