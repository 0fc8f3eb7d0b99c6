import type { Feed } from './feed.ts'
import type { Clock, LiveTiming } from './inputs.ts'
import { isSame, type LiveStatus } from './status.ts'
import type { ClientMessage, ErrorFrame, ServerFrame } from './wire.ts'

export type Listener<T> = {
  /** Takes what comes next. A promise slows the channel down: nothing more is handed on until it is settled. */
  on(value: T): unknown
  /** The state, the reason or the time of the next try has changed. */
  status?(status: LiveStatus): void
  /** The channel cannot be had; it is closed. */
  refused?(error: Pick<ErrorFrame, 'code' | 'message'>): void
}

export type ChannelInputs = {
  clock: Clock
  timing: Pick<LiveTiming, 'answer' | 'confirm'>
  send(message: ClientMessage): void
  /** Its state may have changed. */
  changed(): void
  report(error: unknown): void
}

/** One subscription: asks, hands on, asks again for what does not come, and confirms how far it is. */
export class Channel<T> {
  readonly name: string
  readonly #feed: Feed<T>
  readonly #listener: Listener<T>
  readonly #inputs: ChannelInputs
  #refused: string | null = null
  #told: LiveStatus | undefined
  #connected = false
  #closed = false
  #busy = false
  /** When it was last asked for on this connection. */
  #askedAt: number | null = null
  #answered = false
  /** Answered, and nothing missing, since it was last asked for: a gap now is a new one. */
  #settled = false
  /** Was answered at least once on this connection. */
  #synced = false
  #movedAt = 0
  /** Asked again so often without anything coming. */
  #tries = 0

  constructor(name: string, feed: Feed<T>, listener: Listener<T>, inputs: ChannelInputs) {
    this.name = name
    this.#feed = feed
    this.#listener = listener
    this.#inputs = inputs
  }

  /** Connected, answered, and nothing known that was not handed on. */
  get live() {
    return this.#synced && !this.#feed.behind() && (this.#answered || this.#tries === 0)
  }

  /** How it stands on a connection that stands like this. */
  status(connection: LiveStatus): LiveStatus {
    if (this.#refused !== null)
      return { ...connection, state: 'offline', reason: this.#refused, retry_at: null }
    return connection.state === 'live' && !this.live ? { ...connection, state: 'catching_up' } : connection
  }

  up() {
    this.#connected = true
    this.#askedAt = null
    this.#tries = 0
    this.tick()
  }

  down() {
    this.#connected = false
    this.#synced = false
    this.#settled = false
  }

  receive(frame: ServerFrame) {
    if (this.#closed) return
    if (frame.type === 'subscribed') {
      this.#answered = true
      this.#synced = true
    }
    this.#feed.receive(frame)
    this.#advance()
  }

  /** Tells the listener how it stands, once. */
  tell(status: LiveStatus) {
    if (this.#told && isSame(status, this.#told)) return
    this.#told = status
    this.#safely(() => this.#listener.status?.(status))
  }

  refuse({ code, message }: Pick<ErrorFrame, 'code' | 'message'>) {
    this.close()
    this.#refused = message
    this.#safely(() => this.#listener.refused?.({ code, message }))
  }

  /** Looks at the deadlines. */
  tick() {
    const now = this.#inputs.clock.now()
    if (!this.#connected || this.#closed || this.#busy || this.#feed.ready()) return
    if (this.#askedAt === null) return this.#ask()
    const { answer, confirm } = this.#inputs.timing
    if (this.#answered && !this.#feed.behind()) {
      if (now - this.#askedAt >= confirm) this.#ask()
      return
    }
    // Who is slow to answer is busy: asking sooner and sooner would keep it so.
    const patience = Math.min(3 * confirm, answer * 2 ** Math.min(this.#tries, 16))
    if (now - Math.max(this.#askedAt, this.#movedAt) < patience) return
    this.#tries += 1
    this.#ask()
  }

  close() {
    this.#closed = true
  }

  #ask() {
    this.#askedAt = this.#inputs.clock.now()
    this.#answered = false
    this.#settled = false
    const after = this.#feed.after()
    const place = after === undefined ? {} : { after }
    this.#inputs.send({ action: 'subscribe', channel: this.name, ...place })
    this.#inputs.changed()
  }

  #advance() {
    if (this.#busy) return this.#inputs.changed()
    void this.#drain()
  }

  async #drain() {
    this.#busy = true
    while (!this.#closed) {
      const next = this.#feed.next()
      if (next === undefined) break
      this.#movedAt = this.#inputs.clock.now()
      this.#tries = 0
      try {
        const slow = this.#listener.on(next)
        if (slow instanceof Promise) {
          this.#inputs.changed()
          await slow
        }
      } catch (error) {
        this.#inputs.report(error)
      }
    }
    this.#busy = false
    if (!this.#closed) this.#settle()
  }

  #safely(run: () => void) {
    try {
      run()
    } catch (error) {
      this.#inputs.report(error)
    }
  }

  #settle() {
    const behind = this.#feed.behind()
    // While a replay runs, newer frames come before older ones: only a gap after it is worth asking for at once.
    if (behind && this.#settled && this.#connected) this.#ask()
    else if (this.#answered && !behind) this.#settled = true
    this.#inputs.changed()
  }
}
