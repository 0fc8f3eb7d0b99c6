import type { Worker } from '#core/actor'
import { askedTools } from '#core/approval/policy'
import { notFound } from '#core/error'
import { maxTasks } from '#core/plan/plan'
import type { Services } from '#core/services'
import type { Session } from '#core/session/session'
import type { Task } from './task.ts'
import type { Assignment } from './wire.ts'

export type Assigned = Assignment

/** All that a worker needs to begin a task, or to go on where another one was lost. */
export async function readAssignment(
  services: Pick<Services, 'assignment'>,
  { tenant_id }: Worker,
  session: Session,
  task: Task,
  children: Task[],
): Promise<Assigned> {
  const { id, key, kind, title, instruction, capability, checks, attempt, failures, deadline } = task
  const { title: goal, repository, labels, base_commit, base_artifact_id } = session
  const { session_id, parent_id, depends_on } = task
  const ask = { task_id: id, session_id, parent_id, depends_on }
  const found = await services.assignment(tenant_id, { ...ask, every_leaf: kind === 'INTEGRATION' })
  if (found === 'none') throw notFound('task', id)
  const { prompt, inputs, messages } = found
  return {
    task: { id, key, kind, title, instruction, capability, checks, attempt, failures, deadline },
    session: { id: session.id, title: goal, prompt, repository, labels },
    asks: askedTools(session.approval_policy),
    plan_limits: { max_tasks: session.budget.tasks ?? maxTasks },
    subtasks: children.map(({ key, title }) => ({ key, title })),
    inputs,
    base_commit,
    base_artifact_id,
    resume: task.work,
    messages,
    previous_error: task.error,
  }
}
