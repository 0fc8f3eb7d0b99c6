import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type * as z from 'zod'
import type { OpencodeApi } from './api.ts'
import { LiveEvent } from './wire.ts'

type Live = z.infer<typeof LiveEvent>

/**
 * The live event stream, read only when somebody asks for the next event: who does not read slows the
 * sender down. It opens again by itself after a loss; `lost` tells that events may have been missed.
 */
export class LiveStream {
  readonly #api: OpencodeApi
  readonly #signal: AbortSignal
  readonly #lost: () => void
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  #pending: Promise<void> | undefined
  #queue: Live[] = []
  #opened = false

  constructor(api: OpencodeApi, signal: AbortSignal, lost: () => void) {
    this.#api = api
    this.#signal = signal
    this.#lost = lost
  }

  /** Opens the stream; returns when the server has confirmed it. */
  async open() {
    this.#reader = (await this.#api.events(this.#signal)).getReader()
    if (this.#opened) this.#lost()
    this.#opened = true
  }

  /** The next event, or undefined when none came within `ms`. */
  async next(ms: number): Promise<Live | undefined> {
    if (this.#queue.length === 0) {
      this.#pending ??= this.#read().finally(() => {
        this.#pending = undefined
      })
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms)
      })
      await Promise.race([this.#pending, late]).finally(() => clearTimeout(timer))
    }
    return this.#queue.shift()
  }

  /** Forgets a stream that has gone silent; the next read opens a new one. */
  async reopen() {
    const reader = this.#reader
    this.#reader = undefined
    await reader?.cancel().catch(() => undefined)
  }

  readonly #parser = createParser({
    onEvent: (message: EventSourceMessage) => {
      const parsed = LiveEvent.safeParse(JSON.parse(message.data))
      if (parsed.success) this.#queue.push(parsed.data)
    },
  })
  readonly #decoder = new TextDecoder()

  async #read() {
    if (!this.#reader) {
      this.#parser.reset()
      await this.open()
    }
    const chunk = await this.#reader?.read().catch(() => undefined)
    if (!chunk || chunk.done) {
      this.#signal.throwIfAborted()
      this.#reader = undefined
      return
    }
    this.#parser.feed(this.#decoder.decode(chunk.value, { stream: true }))
  }
}
