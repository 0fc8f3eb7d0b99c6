import { commitAll } from '#core/change/commit'
import { type Draft, draftOf, isChanged, nameRequest } from '#core/change/draft'
import type { Database } from '#core/database/database'
import { gatherByTenant } from '#core/database/gather'
import { assign } from '#core/dispatch/dispatch'
import type { Presence } from '#core/lock/presence'
import { advanceDraft, setWake } from '#core/session/advance'
import { loadOpenFleet, loadStep, type OpenFleetRow, type StepRow } from './load.sql.ts'
import { type Whole, wholeOf } from './whole.ts'

/** What is said of a task, as a decision that throws before it changes anything, and by which request. */
export type Said = { task_id: string; decide: (draft: Draft) => void; request_id?: string | undefined }

/** It is stored with all that follows from it; `left`: the tenant's fleet must be looked at for others. */
export type Followed = { draft: Draft; left: boolean }

/**
 * Decides what is said of a task and what follows from it, and stores both in one commit. 'alone': that was not
 * possible, nothing is stored, and what is said must be recorded by itself.
 */
export type Follow = (tenant_id: string, said: Said) => Promise<Followed | 'alone'>

/** Tasks that one flight may hold. */
const flight = 100

/** What is said of one tenant's tasks shares the next flight: one look at the fleet, one commit. */
export function follower(database: Database, presence: Presence): Follow {
  return gatherByTenant<Said, Followed | 'alone'>({
    run: (tenant_id, said) => followAll({ database, presence }, tenant_id, said),
    key: ({ task_id }) => task_id,
    max: flight,
    lanes: 2,
  })
}

/** One round for what is said: load, decide, commit. It hands slots out only while nobody else waits for one. */
export async function followAll(
  { database, presence }: { database: Database; presence: Presence },
  tenant_id: string,
  said: Said[],
): Promise<(Followed | 'alone')[]> {
  const [rows, [fleet]] = await Promise.all([
    database.query<StepRow>(tenant_id, loadStep({ task_ids: said.map(({ task_id }) => task_id) })),
    database.query<OpenFleetRow>(tenant_id, loadOpenFleet(tenant_id)),
  ])
  if (!fleet) return said.map(() => 'alone')
  const decided = decideAll(rows, said)
  const drafts = [...decided.values()]
  if (!fleet.tasks_wait) assign(drafts, { ...fleet, agents: await audible(presence, tenant_id, fleet) })
  for (const draft of drafts) setWake(draft)
  for (const { task_id, request_id } of said) {
    const draft = decided.get(task_id)
    if (draft) nameRequest(draft, request_id)
  }
  const outcomes = await commitAll(database, tenant_id, drafts)
  const won = new Set(drafts.filter((_, i) => outcomes[i] !== 'conflict'))
  return said.map(({ task_id }) => {
    const draft = decided.get(task_id)
    return draft && won.has(draft) ? { draft, left: leavesWork(draft, fleet) } : 'alone'
  })
}

/** By task, each session once: the first that speaks of it is followed. */
function decideAll(rows: StepRow[], said: Said[]) {
  const wholes = new Map<string, ReturnType<typeof wholeOf>>()
  for (const row of rows) {
    const whole = wholeOf(row)
    for (const { id } of whole.known.tasks) wholes.set(id, whole)
  }
  const decided = new Map<string, Draft>()
  const taken = new Set<unknown>()
  for (const { task_id, decide } of said) {
    const whole = wholes.get(task_id)
    if (!whole || taken.has(whole)) continue
    const draft = draftOf(whole.known)
    if (!canFollow({ draft, holders: whole.holders }, decide)) continue
    taken.add(whole)
    decided.set(task_id, draft)
  }
  return decided
}

/** Whatever throws is said again alone, where it is refused in words, or recorded before the engine fails on it. */
function canFollow({ draft, holders }: Whole, decide: Said['decide']) {
  try {
    decide(draft)
    if (!isChanged(draft)) return false
    advanceDraft(draft, holders)
    return true
  } catch {
    return false
  }
}

/** Those of a fleet that have given a sign of life; all of them while that cannot be told. */
async function audible(presence: Presence, tenant_id: string, { agents }: OpenFleetRow) {
  const alive = await presence.alive(agents.map(({ id }) => ({ tenant_id, id })))
  return alive === null ? agents : agents.filter(({ id }) => alive.has(id))
}

/** Somebody waits for what was given back, or for an agent. */
function leavesWork({ session, tasks, slots }: Draft, { tasks_wait, sessions_wait }: OpenFleetRow) {
  if (tasks_wait && slots.some(({ give, take }) => give > take)) return true
  if (sessions_wait && session.state !== 'RUNNING') return true
  return session.state === 'RUNNING' && [...tasks.values()].some(({ state }) => state === 'READY')
}
