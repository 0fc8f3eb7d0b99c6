import type { Decision } from './decide.ts'
import { shortHash } from './hash.ts'

type Fault = { at?: number | undefined; times?: number | undefined; per: 'conversation' | 'task' }
export type Trouble = { status: number | undefined; drop: boolean; stall: boolean }

const mostKept = 1_000

/**
 * Which fault an answer has. How often one struck is all that this server remembers: a failed request leaves
 * no trace in the messages. `per: task` counts over all tries of one first prompt.
 */
export class Faults {
  readonly #struck = new Map<string, number>()

  next({ knobs, at, request }: Decision, conversation: string): Trouble {
    const strikes = (name: string, fault: Fault | undefined): boolean => {
      if (fault === undefined || (fault.at !== undefined && fault.at !== at)) return false
      const whose = fault.per === 'task' || conversation === '' ? shortHash(request) : conversation
      return this.#count(`${name} ${whose}`, fault.times ?? Number.POSITIVE_INFINITY)
    }
    if (strikes('error', knobs.error)) return { status: knobs.error?.status, drop: false, stall: false }
    const drop = strikes('drop', knobs.drop)
    return { status: undefined, drop, stall: !drop && strikes('stall', knobs.stall) }
  }

  #count(name: string, limit: number): boolean {
    const before = this.#struck.get(name) ?? 0
    if (before >= limit) return false
    // Put at the end again, so that the one that struck longest ago is forgotten first.
    this.#struck.delete(name)
    this.#struck.set(name, before + 1)
    const [oldest] = this.#struck.keys()
    if (this.#struck.size > mostKept && oldest !== undefined) this.#struck.delete(oldest)
    return true
  }
}
