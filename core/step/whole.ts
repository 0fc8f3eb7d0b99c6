import type { Draft, Known } from '#core/change/draft'
import { toKnown } from '#core/change/load.sql'
import type { Holders } from '#core/session/advance'
import { fromBrief } from '#core/task/brief'
import type { StepRow } from './load.sql.ts'

/** A decision on a session of which every task is known, and who holds these. */
export type Whole = { draft: Draft; holders: Holders }

/** What a step knows of a session, out of its row. */
export function wholeOf({ holders, tasks, ...session }: StepRow): { known: Known; holders: Holders } {
  const row = {
    ...session,
    tasks: tasks.map((task) => (Array.isArray(task) ? fromBrief(task, session) : task)),
  }
  return { known: toKnown(row), holders: new Map(holders.map((holder) => [holder.id, holder])) }
}
