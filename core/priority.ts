import * as z from 'zod'
import { priorities } from './priorities.ts'

export { priorities }
export const Priority = z.enum(priorities)
export type Priority = z.infer<typeof Priority>

/** Waiting this long, in ms, is worth one priority, so that LOW is never starved. */
const agingMs = 5 * 60_000

/**
 * Whose turn it is, in ms: the least comes first. It stays the same while something waits, so that an index can
 * hold the order: `turn_at` in Postgres is the same (core/migrations/0006-routing.sql). Unknown times come last.
 */
export function turnOf(priority: Priority, since: string | null) {
  return since === null ? Number.MAX_SAFE_INTEGER : Date.parse(since) - priorities.indexOf(priority) * agingMs
}
