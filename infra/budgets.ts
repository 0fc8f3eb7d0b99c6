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
  // Of the api the last 70 KB are prom-client, which the first scrape of an instance loads.
  api: { at_start: kb(1_250), all: kb(1_650) },
  step: { at_start: kb(615), all: kb(765) },
  socket: { at_start: kb(535), all: kb(680) },
  broadcast: { at_start: kb(535), all: kb(680) },
  // Of the sweep half is the client of S3, which the first artifact to collect loads.
  sweep: { at_start: kb(475), all: kb(1_000) },
  deliver: { at_start: kb(440), all: kb(590) },
  migrate: { at_start: kb(135), all: kb(135) },
}
