import { Decision } from '#core/approval/approval'
import type { Client } from './client.ts'
import type { Request } from './engine/permission.ts'
import { wait } from './wait.ts'

export type ApprovalsOptions = {
  client: Pick<Client, 'approve'>
  task: string
  attempt: number
  /** Aborted when the attempt ends: whoever waits is let go. */
  signal: AbortSignal
  /** Told that an ask waits for a person, perhaps repeatedly, and when none does any more. */
  onWait: (waits: boolean) => void
  /** An answer that did not arrive is asked for again after so long, in ms. */
  lookEvery?: number
}

/** An attempt's asks: handed to the control plane, and held until they are decided. */
export class Approvals {
  readonly #options: ApprovalsOptions
  readonly #decided = new Map<string, Decision>()
  readonly #waiting = new Map<string, AbortController>()

  constructor(options: ApprovalsOptions) {
    this.#options = options
  }

  /** The decision: at once when the policy has one, else a person's. Throws when the attempt ends before. */
  async decide(request: Request): Promise<Decision> {
    const { id, ...ask } = request
    const { client, task, attempt, signal, lookEvery = 15_000 } = this.#options
    const body = { ...ask, attempt, engine_ref: id }
    try {
      for (;;) {
        // The bell is held out before the look, so that no answer falls between the two.
        const bell = this.#hold(id)
        const { decision } = await client.approve(task, body, signal)
        const known = decision ?? this.#decided.get(id)
        if (known) return known
        this.#options.onWait(true)
        await wait(lookEvery, AbortSignal.any([signal, bell]))
        signal.throwIfAborted()
        const told = this.#decided.get(id)
        if (told) return told
      }
    } finally {
      this.#waiting.delete(id)
      this.#decided.delete(id)
      if (this.#waiting.size === 0 && !signal.aborted) this.#options.onWait(false)
    }
  }

  /** An ANSWER of the inbox. One that nobody waits for is looked up when it is asked for. */
  answered(data: Record<string, unknown>) {
    const decision = Decision.safeParse(data.decision).data
    const bell = this.#waiting.get(String(data.engine_ref))
    if (!decision || !bell) return
    this.#decided.set(String(data.engine_ref), decision)
    bell.abort()
  }

  #hold(id: string) {
    const bell = new AbortController()
    this.#waiting.set(id, bell)
    return bell.signal
  }
}
