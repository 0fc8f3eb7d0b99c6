/** As much of a WebSocket as is used: the browser's, and that of the package `ws`. */
export type Socket = {
  send(text: string): void
  close(): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void
}

/** Milliseconds. `after` runs once, later; what it answers takes that back. */
export type Clock = {
  now(): number
  after(ms: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** Asking again at once cannot help: who asks is not allowed, or there is no such thing. It is asked again seldom. */
export class Refused extends Error {}

/** Milliseconds. */
export type LiveTiming = {
  /** A connection that is not open by then is given up, its ticket included. */
  connect: number
  /** The first and the longest pause between tries; it doubles, and is drawn from its upper half. */
  backoff: { first: number; longest: number }
  /** The same after a refusal. */
  refused: { first: number; longest: number }
  /** Without a connection for so long, it is said to be offline; it is tried on all the same. */
  offline: number
  /** Without a word for so long, one is asked for. */
  quiet: number
  /** Without an answer to that for so long, the connection is dead, whatever the network says. */
  pong: number
  /** What was asked for and does not come is asked for again after this; doubled each time, to 3 × `confirm`. */
  answer: number
  /** Each channel says this often how far it is, so that even a lost last frame is found. */
  confirm: number
  /** How often these deadlines are looked at. */
  tick: number
}

export const liveTiming: LiveTiming = {
  connect: 10_000,
  backoff: { first: 250, longest: 10_000 },
  refused: { first: 10_000, longest: 300_000 },
  offline: 30_000,
  quiet: 10_000,
  pong: 10_000,
  answer: 5_000,
  confirm: 10_000,
  tick: 250,
}

export type LiveInputs = {
  /** Gets a ticket and answers the address it opens (socketUrl). @throws Refused */
  address(signal: AbortSignal): Promise<string>
  /** Opens a socket, e.g. `(url) => new WebSocket(url)`. */
  connect(url: string): Socket
  clock: Clock
  /** 0 ≤ n < 1, for the jitter. */
  random(): number
  timing: LiveTiming
  /** Hears what a listener threw. */
  report(error: unknown): void
}

/** Where a ticket opens a socket: where its answer says, else at the origin of the api. */
export function socketUrl(api: string, { ticket, url }: { ticket: string; url?: string | undefined }) {
  const address = new URL(url ?? new URL(api).origin)
  if (address.protocol === 'http:') address.protocol = 'ws:'
  if (address.protocol === 'https:') address.protocol = 'wss:'
  address.searchParams.set('ticket', ticket)
  return address.href
}
