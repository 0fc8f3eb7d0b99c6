import { type LiveInputs, Refused, type Socket } from './inputs.ts'
import type { LiveStatus } from './status.ts'
import { type ClientMessage, decodeFrame, type ServerFrame } from './wire.ts'

export type ConnectionEvents = {
  up(): void
  down(): void
  frame(frame: ServerFrame): void
  /** Every `timing.tick` ms, connected or not. */
  tick(): void
}

/** One socket after another: opened with a ticket, watched, and replaced when it is gone or silent. */
export class Connection {
  readonly #inputs: LiveInputs
  readonly #on: ConnectionEvents
  #socket: Socket | undefined
  #up = false
  #opening: AbortController | undefined
  /** Counts the tries, so that what an earlier socket still says is told from the present one. */
  #turn = 0
  #misses = 0
  #downSince: number
  #heardAt: number | null = null
  #pingedAt: number | null = null
  #retryAt: number | null = null
  #reason: string | null = null
  #refused = false
  #closed = false
  #cancelTick: () => void
  #cancelTry: () => void = () => {}

  constructor(inputs: LiveInputs, on: ConnectionEvents) {
    this.#inputs = inputs
    this.#on = on
    this.#downSince = inputs.clock.now()
    this.#cancelTick = inputs.clock.after(inputs.timing.tick, () => this.#tick())
    this.#open()
  }

  get up() {
    return this.#up
  }

  /** How the connection itself stands; `live` when it is up. */
  status(): LiveStatus {
    const { clock, timing } = this.#inputs
    const base = { heard_at: this.#heardAt, reason: this.#reason, retry_at: this.#retryAt }
    if (this.#up) return { ...base, state: 'live', reason: null, retry_at: null }
    const offline = this.#closed || this.#refused || clock.now() - this.#downSince >= timing.offline
    return { ...base, state: offline ? 'offline' : 'reconnecting' }
  }

  send(message: ClientMessage) {
    if (!this.#up) return
    try {
      this.#socket?.send(JSON.stringify(message))
    } catch (error) {
      this.#lost(reasonOf(error))
    }
  }

  /** Tries at once instead of at the end of the pause, e.g. because the network is back. */
  retry() {
    if (this.#closed || this.#up || this.#opening) return
    this.#misses = 0
    this.#open()
  }

  /** Opens another socket in place of the present one, after a pause. */
  renew(reason: string) {
    if (this.#up) this.#lost(reason)
  }

  close() {
    if (this.#closed) return
    this.#closed = true
    this.#cancelTick()
    this.#leave('closed')
  }

  #open() {
    this.#cancelTry()
    const { clock, timing } = this.#inputs
    const turn = ++this.#turn
    const opening = new AbortController()
    this.#opening = opening
    this.#retryAt = null
    this.#cancelTry = clock.after(timing.connect, () => this.#lost('no answer in time'))
    this.#dial(opening.signal, turn).catch((error) => {
      if (turn !== this.#turn) return
      this.#refused = error instanceof Refused
      this.#lost(reasonOf(error))
    })
  }

  async #dial(signal: AbortSignal, turn: number) {
    const url = await this.#inputs.address(signal)
    if (turn !== this.#turn) return
    this.#refused = false
    this.#attach(this.#inputs.connect(url), turn)
  }

  #attach(socket: Socket, turn: number) {
    this.#socket = socket
    const current = () => turn === this.#turn
    socket.addEventListener('open', () => {
      if (!current()) return
      this.#cancelTry()
      this.#opening = undefined
      this.#up = true
      this.#reason = null
      this.#heard()
      this.#on.up()
    })
    socket.addEventListener('message', ({ data }) => {
      if (!current() || !this.#up) return
      this.#heard()
      const frame = decodeFrame(data)
      if (!frame) return
      // A socket that only opens, or only refuses, has not proven itself: the pauses grow until one serves.
      if (frame.type !== 'error') this.#misses = 0
      this.#on.frame(frame)
    })
    socket.addEventListener('error', () => current() && this.#lost('the connection failed'))
    socket.addEventListener('close', () => current() && this.#lost('the connection was closed'))
  }

  #heard() {
    this.#heardAt = this.#inputs.clock.now()
    this.#pingedAt = null
  }

  #tick() {
    const { clock, timing } = this.#inputs
    this.#cancelTick = clock.after(timing.tick, () => this.#tick())
    if (this.#up) this.#watch(clock.now())
    this.#on.tick()
  }

  /** A network that went away says nothing: only an answer proves that the other side is there. */
  #watch(now: number) {
    const { timing } = this.#inputs
    if (this.#pingedAt !== null) {
      if (now - this.#pingedAt >= timing.pong) this.#lost('the connection fell silent')
    } else if (now - (this.#heardAt ?? 0) >= timing.quiet) {
      this.#pingedAt = now
      this.send({ action: 'ping' })
    }
  }

  #lost(reason: string) {
    if (this.#closed) return
    const { clock, timing, random } = this.#inputs
    if (this.#up) this.#downSince = clock.now()
    this.#leave(reason)
    // Who is refused may be let in later: another key, another version of the API. Nobody is to be restarted for it.
    const { first, longest } = this.#refused ? timing.refused : timing.backoff
    const most = Math.min(longest, first * 2 ** Math.min(this.#misses++, 16))
    const pause = most / 2 + (random() * most) / 2
    this.#retryAt = clock.now() + pause
    this.#cancelTry = clock.after(pause, () => this.#open())
    this.#on.down()
  }

  /** Lets go of the present socket; nothing it still says is heard. */
  #leave(reason: string) {
    this.#turn += 1
    this.#cancelTry()
    this.#opening?.abort()
    this.#opening = undefined
    this.#up = false
    this.#pingedAt = null
    this.#retryAt = null
    this.#reason = reason
    const socket = this.#socket
    this.#socket = undefined
    try {
      socket?.close()
    } catch {
      // It was not open yet, or is gone: either way there is nothing left to close.
    }
  }
}

function reasonOf(error: unknown) {
  return error instanceof Error ? error.message : String(error)
}
