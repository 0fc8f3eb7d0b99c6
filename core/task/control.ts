import type { Actor } from '#core/actor'
import { change } from '#core/change/change'
import { type Draft, moveSession, tell } from '#core/change/draft'
import { OrchestratorError } from '#core/error'
import type { Services } from '#core/services'
import * as sessionStates from '#core/session/states'
import { cancelTask, reviveTask } from './end.ts'
import { controlsOf, readTask, type TaskControl } from './read.ts'
import { isHeld, isTerminal } from './states.ts'
import type { Task } from './task.ts'
import { ancestorsOf, childrenOf, dependsOn, isBroken, isParentReady, parentOf, subtaskOf } from './tree.ts'

/**
 * Cancels a task with all below it and all that depends on it, or retries one that FAILED or was CANCELLED.
 * Each is safe to repeat: one that is already done answers the present state.
 * @throws not_found; illegal_transition with the actions that are legal
 */
export async function controlTask(services: Services, actor: Actor, id: string, action: TaskControl) {
  const { tenant_id } = actor
  await change(
    services,
    `task ${id}`,
    async () => {
      const known = await services.load.task(tenant_id, id)
      return known && services.load.session(tenant_id, known.session.id)
    },
    (draft) => {
      const task = draft.tasks.get(id)
      if (!task) throw new OrchestratorError('not_found', `There is no task ${id}.`)
      if (action === 'cancel') cancel(draft, task)
      else retry(draft, task)
    },
  )
  return readTask(services, actor, id)
}

function assertLegal({ session }: Draft, task: Task, action: TaskControl) {
  const legal = controlsOf(task.state, session.state)
  if (legal.includes(action)) return
  const also = legal.length > 0 ? `it can ${legal.join(', ')}` : 'nothing leaves that state'
  const where = task.state === 'COMPLETED' ? '' : `, in a session that is ${session.state},`
  throw new OrchestratorError(
    'illegal_transition',
    `A task that is ${task.state}${where} cannot ${action}; ${also}.`,
    { details: { state: task.state, action, legal_actions: legal } },
  )
}

const tasksOf = (draft: Draft) => [...draft.tasks.values()]

/**
 * All below a task, and all that depends on it or on one of these, nearest first, each with the one that it hangs on.
 * Those that `passes` refuses are left out, and what hangs on them alone.
 */
function following(draft: Draft, first: Task, passes: (task: Task) => boolean) {
  const found = new Map([[first.id, { task: first, cause: first }]])
  // A map hands out what is added while it is walked: each task is looked at once.
  for (const { task: cause } of found.values()) {
    for (const task of tasksOf(draft)) {
      if (found.has(task.id) || !passes(task)) continue
      if (task.parent_id === cause.id || task.depends_on.includes(cause.key))
        found.set(task.id, { task, cause })
    }
  }
  found.delete(first.id)
  return [...found.values()]
}

function cancel(draft: Draft, task: Task) {
  if (task.state === 'CANCELLED') return
  assertLegal(draft, task, 'cancel')
  const after = following(draft, task, ({ state }) => !isTerminal(state))
  end(draft, task, 'An operator cancelled it.')
  for (const { task: next, cause } of after) {
    const of = { ...cause, state: 'CANCELLED' } as const
    end(draft, next, next.parent_id === cause.id ? subtaskOf(of) : dependsOn(of))
  }
}

function end(draft: Draft, task: Task, reason: string) {
  if (isHeld(task.state)) tell(draft, task, 'INTERRUPT', { reason: 'stop' })
  cancelTask(draft, task, reason)
}

/** A session that ended goes on too, or nobody would look at the task; all that was cancelled comes back then. */
function retry(draft: Draft, task: Task) {
  if (!isTerminal(task.state)) return
  assertLegal(draft, task, 'retry')
  const ended = sessionStates.isTerminal(draft.session.state)
  assertDependencies(draft, task, ended ? ['FAILED'] : ['FAILED', 'CANCELLED'])
  if (ended) {
    const cleared = { failure: null, waiting: null, ended_at: null, started_at: null, step_errors: 0 }
    moveSession(draft, 'retry', { ...cleared, queued_at: draft.now })
  }
  revive(draft, task)
  if (ended) for (const other of tasksOf(draft)) if (other.state === 'CANCELLED') reviveTask(draft, other)
  reviveAbove(draft, task)
}

/** With all that broke with it. */
function revive(draft: Draft, task: Task) {
  const after = following(draft, task, isBroken)
  reviveTask(draft, task)
  for (const { task: next } of after) reviveTask(draft, next)
}

/** Those above wait for their subtasks again, unless another of these is still broken. */
function reviveAbove(draft: Draft, task: Task) {
  for (const { id } of ancestorsOf(draft, task)) {
    const above = draft.tasks.get(id)
    if (!above || childrenOf(draft, id).some(isBroken)) return
    if (isBroken(above)) revive(draft, above)
  }
}

/** A dependency that stays broken would cancel the task again at once, and so would its parent. */
function assertDependencies(draft: Draft, task: Task, brokenStates: Task['state'][]) {
  const needs = tasksOf(draft).filter(({ key }) => task.depends_on.includes(key))
  const parent = parentOf(draft, task)
  if (parent && !isParentReady(parent)) needs.push(parent)
  const broken = needs.find(({ state }) => brokenStates.includes(state))
  if (!broken) return
  const why = broken.id === task.parent_id ? 'It is a subtask of' : 'It depends on'
  throw new OrchestratorError(
    'illegal_transition',
    `${why} "${broken.key}", which is ${broken.state}; retry that one.`,
    { details: { state: task.state, action: 'retry', legal_actions: [], task_id: broken.id } },
  )
}
