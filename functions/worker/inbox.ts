import { InboxItem } from '#core/agent/wire'
import { type LiveClient, openLive, type Subscription } from '#core/live/client/client'
import { type LiveTiming, Refused, systemClock } from '#core/live/client/inputs'
import type { LiveStatus } from '#core/live/client/status'
import type { InboxFrame } from '#core/live/client/wire'
import { connectSocket } from '#functions/socket-client'
import { ApiError, type Client } from './client.ts'
import { type Log, reasonOf } from './log.ts'

type Item = ReturnType<(typeof InboxItem)['parse']>

export type InboxOptions = {
  client: Pick<Client, 'inbox' | 'socketUrl'>
  agent_id: string
  /** How long a REST reading waits on the far side, in seconds. */
  seconds: number
  timing: LiveTiming
  log: Log
}

/**
 * What waits for an agent, from the socket and, while that is not live, over REST. Both read one table, so that
 * an item may come twice, and none is lost: it comes again until it is acknowledged.
 */
export class Inbox {
  readonly #options: InboxOptions
  readonly #socket: LiveClient
  readonly #channel: Subscription
  readonly #over = new AbortController()
  readonly #waiting = new Set<() => void>()
  #arrived: { frame: InboxFrame; taken: () => void } | undefined
  #taken: () => void = () => {}
  /** Something is known to wait that the socket does not bring now. */
  #left = false
  #wasLive = false

  constructor(options: InboxOptions) {
    this.#options = options
    const { timing, client, agent_id } = options
    this.#socket = openLive({
      timing,
      clock: systemClock,
      random: Math.random,
      address: (signal) => client.socketUrl(signal).catch(refusedFor),
      connect: connectSocket,
      report: (error) => options.log('inbox_failed', { reason: reasonOf(error) }, 'error'),
    })
    this.#channel = this.#socket.agent(agent_id, {
      on: (frame) =>
        new Promise<void>((taken) => {
          this.#arrived = { frame, taken }
          this.#wake()
        }),
      status: (status) => this.#tell(status),
    })
  }

  /** The next items: waits for them, or returns none early. @throws what REST answers while there is no socket */
  async next(signal: AbortSignal): Promise<Item[]> {
    this.#taken()
    this.#taken = () => {}
    if (this.#over.signal.aborted) return []
    if (this.#arrived) return this.#take(this.#arrived)
    if (!this.#left && this.#live) {
      await this.#wait(() => this.#arrived !== undefined || !this.#live, signal)
      return []
    }
    return this.#read(signal)
  }

  /** What was handed out was not all dealt with: it is read again. */
  again() {
    this.#left = true
  }

  close() {
    this.#over.abort()
    this.#socket.close()
    this.#wake()
  }

  get #live() {
    return this.#channel.status().state === 'live'
  }

  #take({ frame, taken }: { frame: InboxFrame; taken: () => void }) {
    this.#arrived = undefined
    // Until these are dealt with no others are taken off the socket.
    this.#taken = taken
    this.#left ||= frame.more
    return frame.items.map((item) => InboxItem.parse(item))
  }

  async #read(signal: AbortSignal) {
    const { client, seconds } = this.#options
    const left = this.#left
    const back = new AbortController()
    const look = () => this.#live && back.abort()
    if (!left) this.#waiting.add(look)
    try {
      const within = AbortSignal.any([signal, this.#over.signal, back.signal])
      const items = await client.inbox(left ? 0 : seconds, within)
      // An answer holds a page: what is behind it is seen once these are acknowledged.
      this.#left = left && items.length > 0
      return items
    } catch (error) {
      // Nothing is lost with an answer that is not waited for: the socket was sent all that waits.
      if (back.signal.aborted || this.#over.signal.aborted) return []
      throw error
    } finally {
      this.#waiting.delete(look)
    }
  }

  #tell({ state, reason }: LiveStatus) {
    const live = state === 'live'
    if (live && !this.#wasLive) this.#options.log('inbox_connected')
    if (!live && this.#wasLive) this.#options.log('inbox_disconnected', { reason, state }, 'warn')
    this.#wasLive = live
    this.#wake()
  }

  #wake() {
    for (const look of [...this.#waiting]) look()
  }

  #wait(until: () => boolean, signal: AbortSignal) {
    return new Promise<void>((resolve) => {
      const look = () => {
        if (!until() && !signal.aborted && !this.#over.signal.aborted) return
        this.#waiting.delete(look)
        signal.removeEventListener('abort', look)
        resolve()
      }
      this.#waiting.add(look)
      signal.addEventListener('abort', look)
      look()
    })
  }
}

/** An API that knows no sockets, or refuses one to us, is asked again seldom: until then REST is read. */
function refusedFor(error: unknown): never {
  if (error instanceof ApiError && !error.retryable) throw new Refused(error.message)
  throw error
}
