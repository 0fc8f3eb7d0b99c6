import { comparePlaces, type Line, type Place } from './line.ts'

/** Who has not looked for so many growths looks at everything again. */
const growthsKept = 4_096

/**
 * The last lines of a log, numbered from 0 as they came. Nothing is copied when a line is added: once it is full,
 * the newest takes the place of the oldest.
 */
export class Ring {
  readonly capacity: number
  readonly #slots: Line[] = []
  readonly #grown: number[] = []
  #next = 0
  #growths = 0
  /** The longest line that came, in characters. */
  longest = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** The number of the oldest line that is still there. */
  get first() {
    return Math.max(0, this.#next - this.capacity)
  }

  /** The number that the next line gets. */
  get next() {
    return this.#next
  }

  get length() {
    return this.#next - this.first
  }

  at(index: number): Line | undefined {
    return index < this.first || index >= this.#next ? undefined : this.#slots[index % this.capacity]
  }

  push(line: Line) {
    const index = this.#next++
    this.#slots[index % this.capacity] = line
    this.longest = Math.max(this.longest, line.text.length)
    return index
  }

  /** Puts a line that grew in the place of what it was. @returns whether it is still there */
  replace(index: number, line: Line) {
    if (this.at(index) === undefined) return false
    this.#slots[index % this.capacity] = line
    this.longest = Math.max(this.longest, line.text.length)
    this.#grown[this.#growths++ % growthsKept] = index
    return true
  }

  /** How often a line grew. */
  get growths() {
    return this.#growths
  }

  /** Which lines grew since so many growths; null when that is not known any more. */
  grownSince(growths: number): readonly number[] | null {
    const count = this.#growths - growths
    if (count > growthsKept) return null
    return Array.from({ length: count }, (_, i) => this.#grown[(growths + i) % growthsKept] ?? 0)
  }

  /** The number of the first line at a place or after it; `next` when there is none. */
  find(place: Place) {
    let low = this.first
    let high = this.#next
    while (low < high) {
      const middle = (low + high) >> 1
      const line = this.at(middle)
      if (line && comparePlaces(line, place) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
