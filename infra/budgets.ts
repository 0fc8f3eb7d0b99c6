import type { functions } from './wiring.ts'

type Budget = {
  /** Bytes that are read before the first event: what a cold start pays for. */
  at_start: number
  /** All of the code. */
  all: number
}

const kb = (n: number) => n * 1_024

/** What a function's code may weigh, minified. Lower them when it gets lighter; a raise needs a reason. */
export const budgets: Record<keyof typeof functions, Budget> = {
  api: { at_start: kb(1_230), all: kb(1_550) },
  step: { at_start: kb(620), all: kb(770) },
  socket: { at_start: kb(640), all: kb(790) },
  broadcast: { at_start: kb(640), all: kb(790) },
  sweep: { at_start: kb(445), all: kb(1_000) },
  deliver: { at_start: kb(440), all: kb(590) },
  migrate: { at_start: kb(135), all: kb(135) },
}
