import { randomFillSync } from 'node:crypto'
import { monotonicFactory } from 'ulid'
import * as z from 'zod'

/** The one table of prefixes: an id tells its noun, and sorts by the time it was made (ULID). */
export const prefixes = {
  tenant: 'ten',
  session: 'ses',
  task: 'tsk',
  agent: 'agt',
  inbox: 'inb',
  checkpoint: 'chk',
  artifact: 'art',
  message: 'msg',
  approval: 'apr',
  request: 'req',
  audit: 'aud',
  key: 'key',
  webhook: 'whk',
  delivery: 'whd',
} as const

export type Noun = keyof typeof prefixes

/** Chance is fetched for many ids at once: by itself each character of an id would be a call of its own. */
const chances = new Uint8Array(4096)
let unused = 0

function chance() {
  if (unused === 0) unused = randomFillSync(chances).length
  unused -= 1
  return (chances[unused] ?? 0) / 256
}

const ulid = monotonicFactory(chance)

/** A new id of a noun, e.g. `ses_01K2QZ7N4C9V…`; ids of one process are strictly increasing. */
export function newId(noun: Noun) {
  return `${prefixes[noun]}_${ulid()}`
}

const patternOf = (noun: Noun) => new RegExp(`^${prefixes[noun]}_[0-9A-HJKMNP-TV-Z]{26}$`)

/** Whether a text is the id of a noun. */
export function isId(noun: Noun, text: string) {
  return patternOf(noun).test(text)
}

/** The schema of a noun's id, so that a wrong one fails at the edge. */
export function idOf(noun: Noun) {
  return z.string().regex(patternOf(noun), `is not the id of a ${noun} (${prefixes[noun]}_…)`)
}
