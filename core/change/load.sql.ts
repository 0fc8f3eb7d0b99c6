import type { Approval } from '#core/approval/approval'
import type { Statement } from '#core/database/database'
import type { Session } from '#core/session/session'
import type { Task } from '#core/task/task'
import type { Doers, Known } from './draft.ts'

const columnNames = [
  'tenant_id, id, title, prompt, priority, repository, base_commit, base_artifact_id, plan, budget, labels, state, approval_policy',
  'waiting, wake_at, settle_by, version, last_seq, checkpoint_number, rehearsal, usage, attempts_finished',
  'attempts_succeeded, result, failure, step_errors, created_at, updated_at, queued_at, started_at, ended_at',
  'reserved, parent',
]
  .join(', ')
  .split(', ')

const parent = `case when s.parent_id is not null
  then json_build_object('session_id', s.parent_id, 'checkpoint', s.parent_checkpoint) end`

/** Everything of a session but its head hash, which only statements use. */
export const sessionColumns = sessionColumnsWith({})

/**
 * The same with other values in place of some columns. No commit writes `prompt` and `plan`, which are the
 * bulk of a session: whoever decides without them need not load them.
 */
export function sessionColumnsWith(values: { prompt?: string; plan?: string }) {
  const given: Record<string, string | undefined> = { parent, ...values }
  return columnNames.map((name) => (given[name] ? `${given[name]} as ${name}` : `s.${name}`)).join(', ')
}

export type KnownRow = Session & {
  tasks: Task[]
  approvals?: Approval[]
  doers?: Doers
  tokens_until?: string | null
  now: string
}

/** What is open of a session; index: approval_open. */
export const openApprovals = /* sql */ `(
  select coalesce(json_agg(p order by p.id), '[]') from approval p where p.session_id = s.id and p.state = 'OPEN')`

/** Sessions with all their tasks, by id; index: session_pkey, task_session_id_key_key. */
export function loadSessions(ids: string[]): Statement {
  return {
    name: 'load_sessions',
    text: /* sql */ `
      select ${sessionColumns}, now() as now, (
        select coalesce(json_agg(t order by t.id), '[]') from task t where t.session_id = s.id
      ) as tasks, ${openApprovals} as approvals
      from session s where s.id = any($1::text[])`,
    values: [ids],
  }
}

/** For each task its session, without prompt and plan, and the task with its subtasks; index: task_pkey, session_pkey, task_children. */
export function loadTasks(ids: string[]): Statement {
  return {
    name: 'load_tasks',
    text: /* sql */ `
      select ${sessionColumnsWith({ prompt: `''`, plan: 'null::json' })}, now() as now,
        array_to_json(array[t] || array(select c from task c where c.parent_id = t.id order by c.id)) as tasks,
        ${openApprovals} as approvals
      from task t join session s on s.id = t.session_id where t.id = any($1::text[])`,
    values: [ids],
  }
}

const times = ['not_before', 'deadline', 'created_at', 'ready_at', 'started_at', 'ended_at'] as const

/** Postgres writes an instant with milliseconds as ISO does, but for its zone. */
function instant(text: string) {
  return /^.{23}\+00:00$/.test(text) ? `${text.slice(0, 23)}Z` : new Date(text).toISOString()
}

/** A task, or a part of one, out of Postgres' JSON: its times in the one format that every record has. */
export function toIso<T extends Partial<Record<(typeof times)[number], string | null>>>(row: T): T {
  const task = { ...row }
  for (const column of times) {
    const value = row[column]
    if (value) Object.assign(task, { [column]: instant(value) })
  }
  return task
}

export function toTask(row: Task): Task {
  return toIso(row)
}

function toApproval(row: Approval): Approval {
  const iso = (time: string) => new Date(time).toISOString()
  return { ...row, deadline: iso(row.deadline), created_at: iso(row.created_at) }
}

export function toKnown({ tasks, approvals, doers, tokens_until, now, ...session }: KnownRow): Known {
  return {
    session,
    tasks: tasks.map(toTask),
    approvals: (approvals ?? []).map(toApproval),
    doers: doers ?? {},
    tokens_until: tokens_until ?? null,
    now,
  }
}
