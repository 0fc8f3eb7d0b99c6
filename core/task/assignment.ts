import { askedTools } from '#core/approval/policy'
import type { Database, Statement } from '#core/database/database'
import { gatherByTenant } from '#core/database/gather'
import { notFound } from '#core/error'
import { maxTasks } from '#core/plan/plan'
import type { Services } from '#core/services'
import type { Session } from '#core/session/session'
import type { Task } from './task.ts'
import type { Assignment } from './wire.ts'
import type { Worker } from './work.ts'

export type Assigned = Assignment

type Ask = { task_id: string; session_id: string; depends_on: string[]; every_leaf: boolean }
type Found = Pick<Assignment, 'inputs' | 'messages'> & { prompt: string }

export type Assigner = (tenant_id: string, ask: Ask) => Promise<Found | 'none'>

/** Looks for what claimed tasks start from; those of one tenant share a statement. */
export function assigner(database: Database): Assigner {
  return gatherByTenant<Ask, Found | 'none'>({
    async run(tenant_id, asks) {
      const rows = await database.query<Found & { task_id: string }>(tenant_id, loadAssignments(asks))
      const found = new Map(rows.map(({ task_id, ...row }) => [task_id, row]))
      return asks.map(({ task_id }) => found.get(task_id) ?? 'none')
    },
    key: ({ task_id }) => task_id,
    max: 200,
  })
}

/**
 * The session's prompt; accepted commits that a task starts from: of what it depends on, or of every leaf for
 * the integration; and the last messages. Indexes: task_session_id_key_key, message_session.
 */
function loadAssignments(asks: Ask[]): Statement {
  return {
    name: 'load_assignments',
    text: /* sql */ `
      select a.task_id, s.prompt, coalesce(i.inputs, '[]') as inputs, coalesce(m.messages, '[]') as messages
      from json_to_recordset($1::json) as a(task_id text, session_id text, depends_on text[], every_leaf boolean)
      join session s on s.id = a.session_id
      cross join lateral (
        select json_agg(json_build_object('task_id', t.id, 'key', t.key, 'commit', t.result->>'commit',
                                          'artifact_id', t.result->>'artifact_id') order by t.ended_at, t.id) as inputs
        from task t
        where t.session_id = a.session_id and t.kind = 'WORK' and t.state = 'COMPLETED'
          and (a.every_leaf or t.key = any(a.depends_on)) and t.result->>'commit' is not null
          and not (a.every_leaf and exists (
            select from task d where d.session_id = t.session_id and t.key = any(d.depends_on)
              and d.state = 'COMPLETED' and d.kind = 'WORK'))
      ) i
      cross join lateral (
        select json_agg(json_build_object('id', said.id, 'text', said.text) order by said.id) as messages
        from (select id, text from message where session_id = a.session_id order by id desc limit 50) said
      ) m`,
    values: [JSON.stringify(asks)],
  }
}

/** All that a worker needs to begin a task, or to go on where another one was lost. */
export async function readAssignment(
  services: Pick<Services, 'assignment'>,
  { tenant_id }: Worker,
  session: Session,
  task: Task,
): Promise<Assigned> {
  const { id, key, kind, title, instruction, capability, checks, attempt, failures, deadline } = task
  const { title: goal, repository, labels, base_commit, base_artifact_id } = session
  const ask = { task_id: id, session_id: session.id, depends_on: task.depends_on }
  const found = await services.assignment(tenant_id, { ...ask, every_leaf: kind === 'INTEGRATION' })
  if (found === 'none') throw notFound('task', id)
  const { prompt, inputs, messages } = found
  return {
    task: { id, key, kind, title, instruction, capability, checks, attempt, failures, deadline },
    session: { id: session.id, title: goal, prompt, repository, labels },
    asks: askedTools(session.approval_policy),
    plan_limits: { max_tasks: session.budget.tasks ?? maxTasks },
    inputs,
    base_commit,
    base_artifact_id,
    resume: task.work,
    messages,
    previous_error: task.error,
  }
}
