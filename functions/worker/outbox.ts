import type { EventBatch, LogData } from '#core/task/wire'
import { addUsage, noUsage, type Usage } from '#core/usage/usage'
import { ApiError, type Client } from './client.ts'
import { hasUsage } from './usage.ts'

type LogEvent = EventBatch['events'][number]
export type Action = 'continue' | 'pause' | 'stop'

export type OutboxOptions = {
  client: Pick<Client, 'events'>
  task: string
  attempt: number
  /** Aborted when the attempt is over: nothing is sent any more, and nobody is kept waiting. */
  signal: AbortSignal
  onAction: (action: Action) => void
  onLost: (error: unknown) => void
  gatherMs?: number
  limits?: { events: number; bytes: number; batch: number; batchBytes: number; eventBytes: number }
}

const defaultLimits = {
  events: 2_000,
  bytes: 2_000_000,
  batch: 200,
  batchBytes: 700_000,
  /** 24 KB serialised, less the envelope of an event. */
  eventBytes: 23_000,
}

/**
 * Gathers an attempt's log events and usage into numbered batches, one post in flight. `push` waits while
 * the buffer is full, which slows the engine down instead of growing without bound when the API is away.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #limits: typeof defaultLimits
  #events: { event: LogEvent; bytes: number }[] = []
  #bytes = 0
  #usage: Usage = noUsage
  #batch = 0
  #timer: NodeJS.Timeout | undefined
  #posting: Promise<void> | undefined
  #waiting: (() => void)[] = []
  #failure: unknown
  readonly #parts = new Map<string, number>()

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#limits = options.limits ?? defaultLimits
    options.signal.addEventListener('abort', () => this.#wake(), { once: true })
  }

  /** The number of the last accepted batch, which `complete`, `fail` and `release` quote. */
  get batch() {
    return this.#batch
  }

  async push(data: LogData) {
    const at = new Date().toISOString()
    for (const piece of splitLog(data, this.#limits.eventBytes)) {
      await this.#room()
      if (this.#failure || this.#options.signal.aborted) return
      this.#add({ type: 'log', at, data: piece })
    }
  }

  /** Tokens and cost since the last report; they travel with the next batch. */
  report(usage: Usage) {
    this.#usage = addUsage(this.#usage, usage)
    this.#schedule()
  }

  /** Returns when all that was pushed is accepted, or throws why it never will be. */
  async flush() {
    while (this.#pending() && !this.#failure && !this.#options.signal.aborted) await this.#post()
    if (this.#failure) throw this.#failure
    this.#options.signal.throwIfAborted()
  }

  #add(event: LogEvent) {
    const last = this.#events.at(-1)
    const joined = last && join(last.event, event, this.#limits.eventBytes)
    if (last && joined) {
      this.#bytes += joined.bytes - last.bytes
      this.#events[this.#events.length - 1] = joined
    } else {
      const bytes = sizeOf(event)
      this.#events.push({ event, bytes })
      this.#bytes += bytes
    }
    this.#schedule()
  }

  #pending() {
    return this.#events.length > 0 || hasUsage(this.#usage) || this.#posting !== undefined
  }

  #full() {
    return this.#events.length >= this.#limits.events || this.#bytes >= this.#limits.bytes
  }

  async #room() {
    while (this.#full() && !this.#failure && !this.#options.signal.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  #wake() {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #schedule() {
    if (this.#posting || this.#failure) return
    if (this.#events.length >= this.#limits.batch || this.#bytes >= this.#limits.batchBytes) {
      void this.#post()
      return
    }
    this.#timer ??= setTimeout(() => void this.#post(), this.#options.gatherMs ?? 100)
  }

  #post(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#posting ??= this.#send().finally(() => {
      this.#posting = undefined
      this.#wake()
      if (this.#pending() && !this.#options.signal.aborted) this.#schedule()
    })
    return this.#posting
  }

  async #send() {
    const events = this.#take()
    const usage = this.#usage
    this.#usage = noUsage
    if (events.length === 0 && !hasUsage(usage)) return
    const { client, task, attempt, signal } = this.#options
    const used = hasUsage(usage) ? { usage } : {}
    const body: EventBatch = { attempt, batch: this.#batch + 1, events, ...used }
    try {
      const answer = await client.events(task, body, signal)
      this.#batch += 1
      if (answer.action !== 'continue') this.#options.onAction(answer.action)
    } catch (error) {
      if (signal.aborted) return
      this.#failure =
        error instanceof ApiError ? error : new Error('events were not accepted', { cause: error })
      this.#options.onLost(this.#failure)
    }
  }

  #take() {
    let bytes = 0
    let count = 0
    for (const { bytes: size } of this.#events.slice(0, this.#limits.batch)) {
      if (count > 0 && bytes + size > this.#limits.batchBytes) break
      bytes += size
      count += 1
    }
    this.#bytes -= bytes
    return this.#events.splice(0, count).map(({ event }) => this.#numbered(event))
  }

  /** Joining leaves gaps between the parts of a streamed text: they are numbered as they leave. */
  #numbered(event: LogEvent): LogEvent {
    const { data } = event
    if (data.part === undefined || data.call === undefined) return event
    const key = `${data.stream} ${data.call}`
    const part = data.part === 0 ? 0 : (this.#parts.get(key) ?? data.part)
    if (data.more) this.#parts.set(key, part + 1)
    else this.#parts.delete(key)
    return { ...event, data: { ...data, part } }
  }
}

function sizeOf(event: LogEvent) {
  return Buffer.byteLength(JSON.stringify(event))
}

/** Two pieces of the same streamed text, one after the other, travel as one event. */
function join(a: LogEvent, b: LogEvent, limit: number) {
  const { data: x } = a
  const { data: y } = b
  if (x.more !== true || x.part === undefined || y.part === undefined) return undefined
  if (x.stream !== y.stream || x.call !== y.call || x.tool !== y.tool || y.status !== x.status)
    return undefined
  const { more: _, ...rest } = x
  const data: LogData = { ...rest, text: x.text + y.text, ...(y.more ? { more: true } : {}) }
  const event = { ...a, data }
  const bytes = sizeOf(event)
  return bytes <= limit ? { event, bytes } : undefined
}

/**
 * Text too long for one event continues in further ones: `part` 0, 1, 2…, `more` on all but the last.
 * A piece of a text that is being streamed already has its part; its further pieces keep that part.
 */
export function splitLog(data: LogData, limit = defaultLimits.eventBytes): LogData[] {
  const room = limit - Buffer.byteLength(JSON.stringify({ ...data, text: '' })) - 100
  const pieces = splitText(data.text, Math.max(room, 1_000))
  if (pieces.length === 1) return [data]
  return pieces.map((text, i) => {
    const { more: _, ...rest } = data
    const more = i < pieces.length - 1 || data.more === true
    return { ...rest, text, part: (data.part ?? 0) + i, ...(more ? { more } : {}) }
  })
}

/** Cuts text so that each piece is at most `limit` bytes as a JSON string, never inside a character. */
export function splitText(text: string, limit: number): string[] {
  if (Buffer.byteLength(JSON.stringify(text)) <= limit) return [text]
  const pieces: string[] = []
  let from = 0
  while (from < text.length) {
    let take = Math.min(text.length - from, limit)
    while (Buffer.byteLength(JSON.stringify(text.slice(from, from + take))) > limit)
      take = Math.ceil(take / 2)
    if (isHighSurrogate(text.charCodeAt(from + take - 1)) && from + take < text.length)
      take += take > 1 ? -1 : 1
    pieces.push(text.slice(from, from + take))
    from += take
  }
  return pieces
}

function isHighSurrogate(code: number) {
  return code >= 0xd800 && code <= 0xdbff
}
