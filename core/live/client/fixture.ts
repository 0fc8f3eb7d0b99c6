import type { Clock, Socket } from './inputs.ts'

/** A clock that stands still until a test moves it. */
export function playClock() {
  let now = 1_000
  let timers: { at: number; run: () => void }[] = []
  const clock: Clock = {
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run }
      timers.push(timer)
      return () => {
        timers = timers.filter((other) => other !== timer)
      }
    },
  }
  return {
    clock,
    pending: () => timers.length,
    /** Moves on, timer by timer; what they promise is settled in between. */
    async advance(ms: number) {
      const until = now + ms
      for (;;) {
        const next = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        now = next.at
        timers = timers.filter((other) => other !== next)
        next.run()
        await settled()
      }
      now = until
      await settled()
    },
  }
}

/** Lets all promises that can go on do so. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

export type PlayedSocket = Socket & {
  url: string
  sent: Record<string, unknown>[]
  closed: boolean
  open(): void
  say(frame: unknown): void
  drop(): void
}

/** A socket whose other side is the test. */
export function playSocket(url: string): PlayedSocket {
  const listeners: Record<string, ((event: { data: unknown }) => void)[]> = {}
  const emit = (type: string, data?: unknown) => {
    for (const listener of listeners[type] ?? []) listener({ data })
  }
  const socket: PlayedSocket = {
    url,
    sent: [],
    closed: false,
    send: (text) => void socket.sent.push(JSON.parse(text)),
    close() {
      socket.closed = true
    },
    addEventListener(type: string, listener: (event: { data: unknown }) => void) {
      listeners[type] = [...(listeners[type] ?? []), listener]
    },
    open: () => emit('open'),
    say: (frame) => emit('message', typeof frame === 'string' ? frame : JSON.stringify(frame)),
    drop: () => emit('close'),
  }
  return socket
}

/** A frame of events as the server sends it. */
export function eventsFrame(channel: string, from: number, to: number) {
  const events = Array.from({ length: to - from + 1 }, (_, i) => ({
    seq: from + i,
    session_id: channel.slice('session:'.length),
    at: '2024-02-03T12:00:00.000Z',
    type: 'log',
    data: { stream: 'text', text: `line ${from + i}` },
  }))
  return { type: 'events', channel, from, to, events }
}
