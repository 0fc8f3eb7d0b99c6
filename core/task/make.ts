import type { Draft } from '#core/change/draft'
import { newId } from '#core/id'
import type { Plan } from '#core/plan/plan'
import { reservedKeys } from '#core/plan/plan'
import { noUsage } from '#core/usage/usage'
import type { Task } from './task.ts'

type New = Pick<Task, 'key' | 'kind' | 'title' | 'instruction' | 'capability'> &
  Partial<Pick<Task, 'depends_on' | 'checks' | 'parent_id'>>

/** A new task of a session: READY when it depends on nothing, else BLOCKED. */
export function newTask(draft: Draft, made: New): Task {
  const depends_on = made.depends_on ?? []
  const ready = depends_on.length === 0
  return {
    tenant_id: draft.session.tenant_id,
    id: newId('task'),
    session_id: draft.session.id,
    parent_id: made.parent_id ?? null,
    key: made.key,
    kind: made.kind,
    title: made.title,
    instruction: made.instruction,
    capability: made.capability,
    depends_on,
    checks: made.checks ?? [],
    priority: draft.session.priority,
    state: ready ? 'READY' : 'BLOCKED',
    waiting: null,
    attempt: 0,
    failures: 0,
    losses: 0,
    agent_id: null,
    agent_incarnation: null,
    failed_agent_id: null,
    not_before: null,
    deadline: null,
    last_batch: 0,
    work: null,
    usage: noUsage,
    result: null,
    error: null,
    created_at: draft.now,
    ready_at: ready ? draft.now : null,
    started_at: null,
    ended_at: null,
  }
}

/** The first task of a session without a plan: the Architect's. */
export function planTask(draft: Draft) {
  return newTask(draft, {
    key: reservedKeys.plan,
    kind: 'PLAN',
    title: `Plan: ${draft.session.title}`.slice(0, 200),
    instruction: draft.session.prompt,
    capability: 'PLANNING',
  })
}

export function workTasks(draft: Draft, plan: Plan) {
  return plan.tasks.map((task) => newTask(draft, { ...task, kind: 'WORK' }))
}

/** The last task: it joins the accepted commits and pushes the session's branch. */
export function integrationTask(draft: Draft) {
  return newTask(draft, {
    key: reservedKeys.integrate,
    kind: 'INTEGRATION',
    title: 'Merge the accepted commits and push the branch',
    instruction: `Merge the accepted commits of session ${draft.session.id} in order and push its branch.`,
    capability: 'INTEGRATION',
  })
}
