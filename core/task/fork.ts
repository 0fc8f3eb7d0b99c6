import { newId } from '#core/id'
import { reservedKeys } from '#core/plan/plan'
import { unassigned } from './blank.ts'
import type { Task, WorkState } from './task.ts'

/** A task as the checkpoints, folded, say that it stood. */
type Stood = Record<string, unknown>

/**
 * The tasks of a fork. What was COMPLETED stays so, with its result; what an agent held is READY at its last
 * snapshot; what had failed or was cancelled is tried again. The last integration is made anew: a fork has a
 * branch of its own. Pure; new ids are in the order of the old ones.
 * @param rows the parent's tasks as they are now: what never changes of them is taken from here
 */
export function forkedTasks(rows: Task[], stood: Stood[], child: { id: string; now: string }) {
  const byId = new Map(rows.map((row) => [row.id, row]))
  const kept = stood.flatMap((one) => {
    const row = byId.get(String(one.id))
    return row && row.key !== reservedKeys.integrate ? [{ one, row, id: newId('task') }] : []
  })
  const newIds = new Map(kept.map(({ row, id }) => [row.id, id]))
  const done = new Set(kept.flatMap(({ one, row }) => (one.state === 'COMPLETED' ? [row.key] : [])))
  const handedIn = new Set(kept.flatMap(({ one, row }) => (isHandedIn(one) ? [row.id] : [])))
  const parents = new Set(kept.map(({ row }) => row.parent_id))
  const forked = kept.map(({ one, row, id }): Task => {
    const depends_on = Array.isArray(one.depends_on) ? one.depends_on.map(String) : row.depends_on
    const parent_id = row.parent_id === null ? null : (newIds.get(row.parent_id) ?? null)
    // Leases, counters and spend begin anew.
    const task = {
      ...row,
      ...unassigned,
      id,
      session_id: child.id,
      parent_id,
      depends_on,
      created_at: child.now,
    }
    const { started_at, ended_at, result } = row
    if (one.state === 'COMPLETED') return { ...task, state: 'COMPLETED', result, started_at, ended_at }
    if (one.state === 'WAITING_CHILDREN' || (handedIn.has(row.id) && parents.has(row.id)))
      return { ...task, state: 'WAITING_CHILDREN', result, started_at }
    const begins = row.parent_id === null || handedIn.has(row.parent_id)
    const ready = begins && depends_on.every((key) => done.has(key))
    const work = workOf(one.work)
    return { ...task, work, state: ready ? 'READY' : 'BLOCKED', ready_at: ready ? child.now : null }
  })
  const origins = new Map(kept.map(({ row, id }) => [id, row.id]))
  return { forked, origins }
}

/** Its own run was over, even if one of its subtasks broke since. */
function isHandedIn({ state, commit }: Stood) {
  return state === 'COMPLETED' || state === 'WAITING_CHILDREN' || typeof commit === 'string'
}

/** The snapshot that the checkpoint holds; in the fork it is part of the first one. */
function workOf(work: unknown): WorkState | null {
  if (typeof work !== 'object' || work === null) return null
  const snapshot: Partial<WorkState> = work
  const { artifact_id = null, commit = null, engine = {} } = snapshot
  return { number: 1, artifact_id, commit, engine }
}
