import { maxTasks } from '#core/plan/plan'
import type { Services } from '#core/services'
import type { Session } from '#core/session/session'
import type { Task } from './task.ts'
import type { Assignment } from './wire.ts'
import type { Worker } from './work.ts'

export type Assigned = Assignment

type InputRow = { task_id: string; key: string; commit: string; artifact_id: string | null }

/** Accepted commits that a task starts from: of what it depends on, or of every leaf for the integration. */
const inputsSql = /* sql */ `
  select t.id as task_id, t.key, t.result->>'commit' as commit, t.result->>'artifact_id' as artifact_id
  from task t
  where t.session_id = $1::text and t.kind = 'WORK' and t.state = 'COMPLETED' and t.result->>'commit' is not null
    and case when $3::boolean
      then not exists (select from task d where d.session_id = t.session_id and t.key = any(d.depends_on)
                       and d.state = 'COMPLETED' and d.kind = 'WORK')
      else t.key = any($2::text[]) end
  order by t.ended_at, t.id`

/** All that a worker needs to begin a task, or to go on where another one was lost. */
export async function readAssignment(
  services: Pick<Services, 'database'>,
  { tenant_id }: Worker,
  session: Session,
  task: Task,
): Promise<Assigned> {
  const inputs = await services.database.query<InputRow>(tenant_id, {
    name: 'assignment_inputs',
    text: inputsSql,
    values: [session.id, task.depends_on, task.kind === 'INTEGRATION'],
  })
  const messages = await services.database.query<{ id: string; text: string }>(tenant_id, {
    name: 'assignment_messages',
    text: `select id, text from message where session_id = $1::text order by id desc limit 50`,
    values: [session.id],
  })
  const { id, key, kind, title, instruction, capability, checks, attempt, failures, deadline } = task
  const { title: goal, prompt, repository, labels, base_commit, base_artifact_id } = session
  return {
    task: { id, key, kind, title, instruction, capability, checks, attempt, failures, deadline },
    session: { id: session.id, title: goal, prompt, repository, labels },
    plan_limits: { max_tasks: session.budget.tasks ?? maxTasks },
    inputs,
    base_commit,
    base_artifact_id,
    resume: task.work,
    messages: messages.reverse(),
    previous_error: task.error,
  }
}
