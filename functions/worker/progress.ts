import * as z from 'zod'
import { Plan } from '#core/plan/plan'

/** How far an attempt has come: what a checkpoint must tell the next worker beside files and memory. */
const Progress = z.object({
  /** The commit that this task's own work is on top of. */
  start: z.string(),
  /** A MERGE: the commit whose merge the engine resolves, and the files in conflict. */
  conflict: z.object({ commit: z.string(), files: z.array(z.string()) }).nullable(),
  /** Ids of the steering messages that the engine has been given. */
  delivered: z.array(z.string()),
  /** The turn that was started last, and those that ended: `work`, `repair-0`, `retry-1`, `message-…`. */
  turn: z.string().nullable(),
  done: z.array(z.string()),
  plan: Plan.nullable(),
})
export type Progress = z.infer<typeof Progress>

export function progressOf(value: unknown): Progress | undefined {
  return Progress.safeParse(value).data
}
