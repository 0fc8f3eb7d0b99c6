import type { Event } from '#core/event/event'

/** What a client says on the socket. `after` asks for everything behind that seq, then for what follows. */
export type ClientMessage =
  | { action: 'subscribe'; channel: string; after?: number }
  | { action: 'unsubscribe'; channel: string }
  | { action: 'ping' }

/** A gapless run of a session's events, `from` and `to` included. */
export type EventsFrame = { type: 'events'; channel: string; from: number; to: number; events: Event[] }
/** A picture of the fleet: the latest one counts, and none is repeated. */
export type FleetFrame = { type: 'fleet'; [field: string]: unknown }
/** Items of an agent's inbox; they come again until they are acknowledged. `more`: there are others. */
export type InboxFrame = { type: 'inbox'; channel: string | null; items: unknown[]; more: boolean }
export type SubscribedFrame = { type: 'subscribed'; channel: string; last_seq: number }
export type ErrorFrame = {
  type: 'error'
  code: string
  message: string
  channel: string | null
  retryable: boolean
}

export type ServerFrame =
  | EventsFrame
  | FleetFrame
  | InboxFrame
  | SubscribedFrame
  | ErrorFrame
  | { type: 'pong' }

/** A frame as it came, or undefined for what is none: whoever waits for it asks again. */
export function decodeFrame(data: unknown): ServerFrame | undefined {
  const frame = typeof data === 'string' ? parse(data) : undefined
  if (!isRecord(frame)) return undefined
  const channel = typeof frame.channel === 'string' ? frame.channel : undefined
  switch (frame.type) {
    case 'events':
      return channel === undefined ? undefined : eventsOf(channel, frame)
    case 'fleet':
      return { ...frame, type: 'fleet' }
    case 'inbox':
      if (!Array.isArray(frame.items)) return undefined
      return { type: 'inbox', channel: channel ?? null, items: frame.items, more: frame.more === true }
    case 'subscribed':
      if (channel === undefined) return undefined
      return { type: 'subscribed', channel, last_seq: isSeq(frame.last_seq) ? frame.last_seq : 0 }
    case 'error':
      return errorOf(channel, frame)
    case 'pong':
      return { type: 'pong' }
    default:
      return undefined
  }
}

/** Only a run that is what its `from` and `to` say: a frame with a hole in it would hide the hole. */
function eventsOf(channel: string, { from, to, events }: Record<string, unknown>): EventsFrame | undefined {
  if (!isSeq(from) || !isSeq(to) || !Array.isArray(events) || events.length !== to - from + 1)
    return undefined
  const run = events.filter(isEvent)
  const whole = run.length === events.length && run.every(({ seq }, i) => seq === from + i)
  return whole ? { type: 'events', channel, from, to, events: run } : undefined
}

function errorOf(channel: string | undefined, frame: Record<string, unknown>): ErrorFrame {
  const code = typeof frame.code === 'string' ? frame.code : 'unknown'
  const said = frame.message ?? frame.detail
  return {
    type: 'error',
    code,
    message: typeof said === 'string' ? said : code,
    channel: channel ?? null,
    retryable: frame.retryable === true,
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSeq(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isEvent(value: unknown): value is Event {
  return isRecord(value) && isSeq(value.seq) && typeof value.type === 'string' && isRecord(value.data)
}
