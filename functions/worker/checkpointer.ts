import type { WorkCheckpoint } from '#core/task/wire'
import { type Log, reasonOf } from './log.ts'
import { createQueue } from './wait.ts'

export type Trigger = WorkCheckpoint['trigger']

/** Decides when a checkpoint is taken: after tool uses, but not more often than `every` ms, and each `period` ms. */
export class Checkpointer {
  readonly #take: (trigger: Trigger) => Promise<void>
  readonly #every: number
  readonly #log: Log
  readonly #one = createQueue()
  readonly #period: NodeJS.Timeout
  #soon: NodeJS.Timeout | undefined
  #last = 0
  #stopped = false

  constructor(options: {
    take: (trigger: Trigger) => Promise<void>
    every: number
    period: number
    log: Log
  }) {
    this.#take = options.take
    this.#every = options.every
    this.#log = options.log
    this.#period = setInterval(() => void this.#quietly('PERIODIC'), options.period)
  }

  /** A tool has run: checkpoint now, or as soon as the last one is `every` ms ago. */
  toolUsed() {
    if (this.#soon || this.#stopped) return
    const due = Math.max(0, this.#last + this.#every - Date.now())
    this.#soon = setTimeout(() => void this.#quietly('AFTER_TOOL_USE'), due)
  }

  /** Takes one now, after the one that may be under way. */
  now(trigger: Trigger): Promise<void> {
    return this.#one(() => this.#take(trigger))
  }

  /** Takes no more by itself, and waits for the one under way. */
  async stop() {
    this.#stopped = true
    clearInterval(this.#period)
    clearTimeout(this.#soon)
    await this.#one(async () => undefined)
  }

  /** A checkpoint that fails costs time after a crash, not the work: it is logged and tried again later. */
  async #quietly(trigger: Trigger) {
    this.#soon = undefined
    if (this.#stopped) return
    this.#last = Date.now()
    await this.now(trigger).catch((error) =>
      this.#log('checkpoint_failed', { trigger, reason: reasonOf(error) }, 'warn'),
    )
    this.#last = Date.now()
  }
}
