import { createReadStream, createWriteStream } from 'node:fs'
import { appendFile, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import * as z from 'zod'
import { createQueue } from '../../wait.ts'
import type { OpencodeApi } from './api.ts'
import { KeptEvent } from './wire.ts'

/**
 * A mirror of OpenCode's durable events, a line each in a file, so that another machine can replay them.
 * Only the last seq of each session is held in memory.
 */
export class History {
  readonly #api: OpencodeApi
  readonly #file: string
  readonly #seqs: Record<string, number> = {}
  readonly #one = createQueue()

  constructor(api: OpencodeApi, file: string) {
    this.#api = api
    this.#file = file
  }

  /** Fetches what is new, adds it to the file and returns it. */
  pull(): Promise<KeptEvent[]> {
    return this.#one(async () => {
      const found = z.array(KeptEvent).parse(await this.#api.post('/sync/history', this.#seqs))
      if (found.length > 0)
        await appendFile(this.#file, found.map((event) => `${JSON.stringify(event)}\n`).join(''))
      for (const event of found) this.#note(event)
      return found
    })
  }

  /** Writes the mirror, compressed, beside itself, and returns that file. */
  pack(): Promise<string> {
    return this.#one(async () => {
      const packed = `${this.#file}.gz`
      await pipeline(createReadStream(this.#file), createGzip({ level: 3 }), createWriteStream(packed))
      return packed
    })
  }

  /**
   * Replays another attempt's packed mirror into this server, with its directory `from` replaced by `to`.
   * Each event is shown to `see`. The order within a session is kept.
   */
  async replay(packed: string, from: string, to: string, see: (event: KeptEvent) => void) {
    await rm(this.#file, { force: true })
    const [was, is] = [from, to].map((path) => JSON.stringify(path).slice(1, -1))
    const lines = createInterface({ input: createReadStream(packed).pipe(createGunzip()) })
    let events: KeptEvent[] = []
    const send = async () => {
      if (events.length === 0) return
      const body = events.map(({ aggregate_id, ...event }) => ({ ...event, aggregateID: aggregate_id }))
      await this.#api.post('/sync/replay', { directory: to, events: body }, 60_000)
      await appendFile(this.#file, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
      for (const event of events) this.#note(event)
      events = []
    }
    for await (const line of lines) {
      if (line === '') continue
      const event = KeptEvent.parse(JSON.parse(was && is ? line.replaceAll(was, is) : line))
      see(event)
      // One call holds the events of one session, in order.
      if (events.length >= 200 || (events[0] && events[0].aggregate_id !== event.aggregate_id)) await send()
      events.push(event)
    }
    await send()
  }

  #note({ aggregate_id: session, seq }: KeptEvent) {
    this.#seqs[session] = Math.max(this.#seqs[session] ?? -1, seq)
  }
}
