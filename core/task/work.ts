import type { Worker } from '#core/actor'
import { announce } from '#core/change/announce'
import { change } from '#core/change/change'
import { type Draft, moveTask, note, setSession, setTask } from '#core/change/draft'
import { OrchestratorError } from '#core/error'
import { maxTasks, validatePlan } from '#core/plan/plan'
import type { Services } from '#core/services'
import { addUsage, type Usage } from '#core/usage/usage'
import { type Assigned, readAssignment } from './assignment.ts'
import { completeTask, failAttempt, loseTask, releaseTask, returnOffer } from './end.ts'
import { awaitMerge } from './merge.ts'
import { isHeld, type TaskState } from './states.ts'
import { limits, type Task } from './task.ts'
import { childrenOf } from './tree.ts'
import type { Complete, Fail, MergeConflict } from './wire.ts'

function taskOf(draft: Draft, id: string) {
  const task = draft.tasks.get(id)
  if (!task) throw new OrchestratorError('not_found', `There is no task ${id}.`)
  return task
}

/** The fence: every call of a worker is refused unless agent, attempt and a held state all match. */
function assertHolds(task: Task, worker: Worker, attempt: number) {
  if (task.agent_id === worker.agent_id && task.attempt === attempt && isHeld(task.state)) return
  throw staleAttempt(task, attempt)
}

export function staleAttempt(task: Pick<Task, 'state' | 'attempt'>, attempt: number) {
  const message = `Attempt ${attempt} no longer holds this task: it is ${task.state} at attempt ${task.attempt}. Drop the work.`
  return new OrchestratorError('stale_attempt', message, {
    details: { state: task.state, attempt: task.attempt },
  })
}

async function work(
  services: Services,
  worker: Worker,
  id: string,
  decide: (draft: Draft, task: Task) => void,
  load = () => services.load.task(worker.tenant_id, id),
) {
  return change(services, `task ${id}`, load, (draft) => decide(draft, taskOf(draft, id)))
}

/**
 * The same for what ends an attempt well: what follows from it is decided at once and stored with it. Where that
 * cannot be, it is recorded alone, and the engine is woken as by any other call.
 */
async function handIn(
  services: Services,
  worker: Worker,
  id: string,
  decide: (draft: Draft, task: Task) => void,
) {
  const { tenant_id } = worker
  const followed = await services.follow(tenant_id, {
    task_id: id,
    decide: (draft) => decide(draft, taskOf(draft, id)),
    request_id: services.requestId?.(),
  })
  if (followed === 'alone') await work(services, worker, id, decide)
  else await announce(services, [followed.draft], followed.left ? [{ kind: 'tenant', tenant_id }] : [])
}

/** Takes an offered task. Repeated by its holder it answers the same. @throws stale_attempt, not_found */
export async function claimTask(
  services: Services,
  worker: Worker,
  id: string,
  attempt: number,
  rehearsal: boolean,
): Promise<Assigned> {
  let ready_ms: number | null = null
  const draft = await work(services, worker, id, (draft, task) => {
    assertHolds(task, worker, attempt)
    ready_ms = null
    if (task.state !== 'ASSIGNED') return
    ready_ms = task.ready_at === null ? null : Date.parse(draft.now) - Date.parse(task.ready_at)
    const deadline = new Date(Date.parse(draft.now) + limits.run_ms).toISOString()
    draft.trigger = 'TASK_STARTED'
    // The engine looks at the offer's deadline at the latest, which is before the attempt's.
    draft.quiet = true
    moveTask(draft, id, 'claim', { deadline, started_at: draft.now }, { attempt, rehearsal })
    if (draft.session.rehearsal !== rehearsal) setSession(draft, { rehearsal })
  })
  if (ready_ms !== null) services.dispatched?.(ready_ms / 1_000)
  return readAssignment(services, worker, draft.session, taskOf(draft, id), childrenOf(draft, id))
}

/** Says no to an offer; it goes to another agent, or comes again. */
export async function declineTask(
  services: Services,
  worker: Worker,
  id: string,
  attempt: number,
  reason: string,
) {
  await work(services, worker, id, (draft, task) => {
    assertHolds(task, worker, attempt)
    returnOffer(draft, task, 'decline', reason)
  })
}

/** Only a worker that has reported all its batches may end the attempt: no line is lost behind the end. */
function assertBatch(task: Task, batch: number) {
  if (batch === task.last_batch) return
  const message = `Batch ${task.last_batch} is the last that arrived, not ${batch}; send the missing ones first.`
  throw new OrchestratorError('batch_gap', message, {
    details: { expected: task.last_batch + 1, last_batch: task.last_batch },
  })
}

const accepted: TaskState[] = ['COMPLETED', 'WAITING_CHILDREN']

/** Hands in the work. From here on the commit counts, and its subtasks begin. Repeated after it was accepted it answers the same. */
export async function completeWork(services: Services, worker: Worker, id: string, body: Complete) {
  const plan = body.plan
  await handIn(services, worker, id, (draft, task) => {
    const isAccepted = accepted.includes(task.state)
    if (isAccepted && task.attempt === body.attempt && task.agent_id === worker.agent_id) return
    assertHolds(task, worker, body.attempt)
    assertBatch(task, body.batch)
    if (task.kind === 'PLAN') assertPlan(plan, draft.session.budget.tasks)
    const { summary, commit, artifact_id, patch_artifact_id, diff, checks, branch, push } = body
    const result = {
      summary,
      commit,
      artifact_id,
      patch_artifact_id,
      diff,
      checks,
      plan,
      branch,
      push_reason: push?.reason,
    }
    pinBase(draft, body)
    completeTask(draft, task, { result, work: null }, { summary, commit, diff, branch: branch ?? null })
  })
}

function assertPlan(plan: Complete['plan'], budgetTasks: number | null) {
  const verdict = validatePlan(plan, budgetTasks ?? maxTasks)
  if (verdict.ok) return
  const errors = verdict.errors.map(({ pointer, message }) => ({ pointer: `/plan${pointer}`, message }))
  throw new OrchestratorError('plan_invalid', 'The plan cannot be carried out as it is.', { errors })
}

/** All work of a session starts from one commit: the first that a worker has resolved. */
function pinBase(draft: Draft, { base_commit }: Complete) {
  if (draft.session.base_commit === null && base_commit !== null) setSession(draft, { base_commit })
}

/** The attempt has failed; whether it is tried again is decided here. @throws stale_attempt, batch_gap */
export async function failWork(services: Services, worker: Worker, id: string, body: Fail) {
  await work(services, worker, id, (draft, task) => {
    assertHolds(task, worker, body.attempt)
    assertBatch(task, body.batch)
    if (body.usage) spend(draft, task, body.usage)
    failAttempt(draft, taskOf(draft, id), body)
  })
}

function spend(draft: Draft, task: Task, usage: Usage) {
  setTask(draft, task.id, { usage: addUsage(task.usage, usage) })
  setSession(draft, { usage: addUsage(draft.session.usage, usage) })
  note(draft, 'usage.reported', usage, task)
}

/**
 * Hands the task back with its work saved, because it was asked to or because the agent goes away; or because the
 * commits that it begins with conflict, for which a task is made. @throws stale_attempt; invalid_input: the conflict
 */
export async function releaseWork(
  services: Services,
  worker: Worker,
  id: string,
  attempt: number,
  reason: string,
  conflict?: MergeConflict,
) {
  const decide = (draft: Draft, task: Task) => {
    assertHolds(task, worker, attempt)
    if (task.state === 'ASSIGNED') returnOffer(draft, task, 'decline', reason)
    else if (conflict) awaitMerge(draft, task, conflict)
    else releaseTask(draft, task, reason)
  }
  await work(services, worker, id, decide, conflict && (() => loadWhole(services, worker, id)))
}

/** The task's session with all its tasks: whether another has met the same conflict is seen there. */
async function loadWhole(services: Services, { tenant_id }: Worker, id: string) {
  const known = await services.load.task(tenant_id, id)
  return known && services.load.session(tenant_id, known.session.id)
}

/** Its agent lives but no longer names the task: it is lost, unless the attempt has ended meanwhile. */
export async function loseWork(services: Services, worker: Worker, id: string, attempt: number) {
  await work(services, worker, id, (draft, task) => {
    if (task.agent_id !== worker.agent_id || task.attempt !== attempt || !isHeld(task.state)) return
    loseTask(draft, task, 'its agent no longer names it')
  })
}
