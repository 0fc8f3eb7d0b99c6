import type { Line, Stream } from '../feed/line.ts'
import type { Ring } from '../feed/ring.ts'

export type Filter = {
  task: string | null
  /** None: all. */
  streams: ReadonlySet<Stream>
  errors: boolean
}

/** Whether a filter keeps a line. */
export function keeps({ task, streams, errors }: Filter, line: Line) {
  if (task !== null && line.task_id !== task) return false
  if (errors && !line.isError) return false
  return streams.size === 0 || streams.has(line.stream)
}

const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;:]*m`, 'g')

/** What is read of a text, without its colours. */
export function plainText(text: string) {
  return text.includes('\u001b') ? text.replace(escapes, '') : text
}

/** Whether a line holds the words, whatever their case; `words` is in lower case. */
export function holds(words: string, { text, tool }: Line) {
  return plainText(text).toLowerCase().includes(words) || (tool?.toLowerCase().includes(words) ?? false)
}

/**
 * The lines of a ring that a test keeps, in order: a row is a number from 0 among those that are still there. It
 * holds as of the last `sync`.
 */
export class View {
  readonly #ring: Ring
  readonly #test: ((line: Line) => boolean) | null
  /** Numbers in the ring. The first `#gone` of them have been overwritten. */
  #kept: number[] = []
  #gone = 0
  #upTo = 0
  #growths = 0
  #count = 0

  constructor(ring: Ring, test: ((line: Line) => boolean) | null) {
    this.#ring = ring
    this.#test = test
  }

  /** Looks at what has come and grown since the last time. */
  sync() {
    if (this.#test === null) return this
    const ring = this.#ring
    const grown = ring.grownSince(this.#growths)
    this.#growths = ring.growths
    if (grown === null) this.#again()
    for (const index of grown ?? []) if (index < this.#upTo) this.#retake(index)
    for (let index = Math.max(this.#upTo, ring.first); index < ring.next; index += 1) {
      const line = ring.at(index)
      if (!line || !this.#test(line)) continue
      this.#kept.push(index)
      this.#count += 1
    }
    this.#upTo = ring.next
    this.#forget()
    return this
  }

  #again() {
    this.#kept = []
    this.#gone = 0
    this.#upTo = 0
    this.#count = 0
  }

  #retake(index: number) {
    const line = this.#ring.at(index)
    if (!line || !this.#test?.(line)) return
    const at = this.#find(index)
    if (this.#kept[at] === index) return
    this.#kept.splice(at, 0, index)
    this.#count += 1
  }

  get length() {
    return this.#test === null ? this.#ring.length : this.#kept.length - this.#gone
  }

  /** How many there ever were: what a reader has seen is counted by it. */
  get total() {
    return this.#test === null ? this.#ring.next : this.#count
  }

  /** The number in the ring of a row. */
  indexAt(row: number) {
    if (this.#test === null) return this.#ring.first + row
    return this.#kept[this.#gone + row] ?? -1
  }

  at(row: number) {
    return this.#ring.at(this.indexAt(row))
  }

  /** The row of a line in the ring, or of the next one that is kept. */
  rowOf(index: number) {
    if (this.#test === null) return Math.max(0, index - this.#ring.first)
    return this.#find(index) - this.#gone
  }

  #find(index: number) {
    let low = this.#gone
    let high = this.#kept.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#kept[middle] ?? 0) < index) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Drops what the ring has overwritten; the room is given back now and then. */
  #forget() {
    while (this.#gone < this.#kept.length && (this.#kept[this.#gone] ?? 0) < this.#ring.first) this.#gone += 1
    if (this.#gone < 10_000) return
    this.#kept = this.#kept.slice(this.#gone)
    this.#gone = 0
  }
}
