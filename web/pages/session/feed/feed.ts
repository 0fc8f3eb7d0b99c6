import { api } from '../../../api/endpoints.ts'
import { sentenceOf } from '../../../api/failure.ts'
import type { SessionEvent } from '../../../api/types.ts'
import type { Live, Subscription } from '../../../live/live.ts'
import { makeStore } from '../../../parts/store.ts'
import { eventsAtOnce, readHistory } from './history.ts'
import { LineMaker } from './lines.ts'
import { Ring } from './ring.ts'
import { Story } from './story.ts'

/** Lines that the page keeps; the whole log is at the API. */
export const linesKept = 200_000
/** The end of a long history is shown before the rest has come: so many events of it. */
const preview = 500
const againAfterMs = [1_000, 2_000, 5_000, 10_000]
/** Lines are drawn at most this often, in ms: at 60 Hz every second frame, so that the others are the reader's to scroll in. */
const drawMs = 30
/** What a hidden page has heard is drawn at most this often, in ms: it gets no frames. */
const hiddenMs = 250

/** What is shown: the whole of it, or while older events are being read, the end. */
export type Picture = { ring: Ring; story: Story }
export type Progress = {
  /** `tail`: only the end is there yet. */
  state: 'reading' | 'tail' | 'whole'
  read: number
  of: number
  /** Why reading on is being tried again. */
  trouble: string | null
}

class Pen implements Picture {
  readonly ring = new Ring(linesKept)
  readonly story = new Story()
  readonly #lines = new LineMaker(this.ring)

  take(event: SessionEvent) {
    this.#lines.take(event)
    this.story.take(event)
  }
}

/**
 * One session's events, each once and in order: what was before by request, what comes by the live connection.
 * Lines are told some thirty times a second at most; what changes the picture of tasks and states is told besides.
 */
export class SessionFeed {
  /** Grows with each drawing that is due. */
  readonly lines = makeStore(0)
  readonly course = makeStore(0)
  readonly progress = makeStore<Progress>({ state: 'reading', read: 0, of: 0, trouble: null })
  readonly #id: string
  readonly #live: Live
  readonly #onChange: (types: ReadonlySet<SessionEvent['type']>) => void
  #pen = new Pen()
  #whole: Pen | null = null
  /** What the end was drawn from; it is drawn again behind all that was before it. */
  #tail: SessionEvent[] = []
  #last = 0
  #ended = new AbortController()
  #subscription: Subscription | null = null
  #due = false
  #drawn = 0

  constructor(
    id: string,
    connection: Live,
    onChange: (types: ReadonlySet<SessionEvent['type']>) => void = () => {},
  ) {
    this.#id = id
    this.#live = connection
    this.#onChange = onChange
  }

  get picture(): Picture {
    return this.#pen
  }

  /** The seq of the last event that is shown. */
  get seq() {
    return this.#last
  }

  /** Reads and follows until it is closed. It can be opened once more: it goes on where it was, from the start if need be. */
  open() {
    this.#ended = new AbortController()
    const { signal } = this.#ended
    if (this.progress.get().state === 'whole') this.#follow()
    else void this.#begin(signal)
    return () => {
      this.#ended.abort()
      this.#subscription?.close()
      this.#subscription = null
    }
  }

  async #begin(signal: AbortSignal) {
    this.#pen = new Pen()
    this.#whole = null
    this.#tail = []
    const ask = (after: number, limit: number) => () => api.events(this.#id, { after, limit }, { signal })
    const first = await this.#persist(ask(0, eventsAtOnce), signal)
    if (!first) return
    const { last_seq } = first
    if (first.next_after >= last_seq) {
      this.#show(this.#pen, first.items, last_seq)
      this.progress.set({ state: 'whole', read: last_seq, of: last_seq, trouble: null })
      this.#follow()
      return
    }
    const start = Math.max(first.next_after, last_seq - preview)
    const end = await this.#persist(ask(start, preview), signal)
    if (!end) return
    this.#whole = new Pen()
    for (const event of first.items) this.#whole.take(event)
    this.#tail = [...end.items]
    this.#show(this.#pen, end.items, Math.max(start, end.next_after))
    this.progress.set({ state: 'tail', read: first.next_after, of: start, trouble: null })
    this.#follow()
    await this.#readRest(this.#whole, first.next_after, start, signal)
  }

  async #readRest(whole: Pen, from: number, to: number, signal: AbortSignal) {
    let read = from
    while (read < to) {
      const before = read
      await this.#persist(async () => {
        for await (const events of readHistory(this.#id, read, to, signal)) {
          for (const event of events) whole.take(event)
          read = events.at(-1)?.seq ?? read
          this.progress.set({ state: 'tail', read, of: to, trouble: null })
        }
        return true
      }, signal)
      if (signal.aborted || read === before) return
    }
    for (const event of this.#tail) whole.take(event)
    this.#tail = []
    this.#pen = whole
    this.#whole = null
    this.progress.set({ state: 'whole', read: to, of: to, trouble: null })
    this.#draw(true)
  }

  /** Tries until it works or nobody waits for it any more; then null. */
  async #persist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | null> {
    for (let tries = 0; !signal.aborted; tries += 1) {
      try {
        return await work()
      } catch (error) {
        if (signal.aborted) return null
        this.progress.set({ ...this.progress.get(), trouble: sentenceOf(error) })
        const wait = againAfterMs[Math.min(tries, againAfterMs.length - 1)]
        await new Promise((resolve) => setTimeout(resolve, wait))
      }
    }
    return null
  }

  #follow() {
    this.#subscription = this.#live.session(this.#id, this.#last, { on: (events) => this.#hear(events) })
  }

  #hear(events: readonly SessionEvent[]) {
    // The connection promises each once; an event that is doubled all the same is not drawn twice.
    const fresh = events.filter(({ seq }) => seq > this.#last)
    if (this.#whole) this.#tail.push(...fresh)
    this.#show(this.#pen, fresh, this.#last)
    const types = new Set(fresh.map(({ type }) => type))
    types.delete('log')
    if (types.size > 0) this.#onChange(types)
  }

  #show(pen: Pen, events: readonly SessionEvent[], upTo: number) {
    for (const event of events) pen.take(event)
    this.#last = Math.max(this.#last, upTo, events.at(-1)?.seq ?? 0)
    this.#draw(events.some(({ type }) => type !== 'log'))
  }

  #draw(isCourse: boolean) {
    if (isCourse) this.course.set(this.course.get() + 1)
    if (this.#due) return
    this.#due = true
    const draw = (now = performance.now()) => {
      if (now - this.#drawn < drawMs && !document.hidden) {
        requestAnimationFrame(draw)
        return
      }
      this.#due = false
      this.#drawn = now
      this.lines.set(this.lines.get() + 1)
    }
    if (document.hidden) setTimeout(() => draw(), hiddenMs)
    else requestAnimationFrame(draw)
  }
}
