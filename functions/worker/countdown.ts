/** The longest time that a timer holds. */
const longest = 2 ** 31 - 1

/** A time limit in ms that can be stopped and go on with what was left. Null is none. */
export class Countdown {
  readonly #over: () => void
  #left: number | null
  #since = 0
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number | null, over: () => void) {
    this.#left = ms
    this.#over = over
  }

  run() {
    if (this.#left === null || this.#timer) return
    this.#since = Date.now()
    this.#timer = setTimeout(this.#over, Math.min(longest, Math.max(0, this.#left)))
  }

  pause() {
    if (this.#left === null || !this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#left -= Date.now() - this.#since
  }
}
