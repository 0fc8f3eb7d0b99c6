import type { Draft } from '#core/change/draft'
import { newId } from '#core/id'
import type { Plan } from '#core/plan/plan'
import { reservedKeys } from '#core/plan/plan'
import { unassigned } from './blank.ts'
import type { Task } from './task.ts'

type New = Pick<Task, 'key' | 'kind' | 'title' | 'instruction' | 'capability'> &
  Partial<Pick<Task, 'depends_on' | 'checks' | 'parent_id'>>

/** A new task of a session: READY when it depends on nothing and has no parent, else BLOCKED. */
export function newTask(draft: Draft, made: New): Task {
  const depends_on = made.depends_on ?? []
  const ready = depends_on.length === 0 && !made.parent_id
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
    ...unassigned,
    state: ready ? 'READY' : 'BLOCKED',
    created_at: draft.now,
    ready_at: ready ? draft.now : null,
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
