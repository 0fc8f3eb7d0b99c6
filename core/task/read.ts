import type { Actor } from '#core/actor'
import { toTask } from '#core/change/load.sql'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import { type Usage, usageColumns } from '#core/usage/usage'
import type { Task } from './task.ts'

/** What an operator may do with a task now. */
export type TaskControl = 'cancel' | 'retry'

export type TaskView = Omit<
  Task,
  'tenant_id' | 'agent_incarnation' | 'failed_agent_id' | 'last_batch' | 'work'
> & {
  /** The number of the last checkpoint of its running work, from which it goes on. */
  checkpoint_number: number | null
  actions: TaskControl[]
}

/** How far the tasks below one are, each of them counted. */
export type Progress = { done: number; total: number }

/** A node of a session's tree: `total_usage` is its own and that of all below it. */
export type TreeTask = TaskView & { progress: Progress; total_usage: Usage }

/** An answer stops at this many bytes of texts and results, with a cursor. */
const maxBytes = 4_000_000

type Row = { task: Task; session_state: string }
type ListRow = Row & { picked: number }
type TreeRow = ListRow & Pick<TreeTask, 'progress' | 'total_usage'>

const weight =
  'octet_length(t.instruction) + octet_length(t.checks::text) + coalesce(octet_length(t.result::text), 0)'

/** Rows of `picked (id, weight, place)` within the limit and the bytes; each knows how many were picked. */
const bounded = (limit: string, also = '', joined = '') => /* sql */ `
  select to_json(t) as task, s.state as session_state, p.picked${also}
  from (
    select id, place, sum(weight) over (order by place) as bytes, (count(*) over ())::int as picked from picked
  ) p
  join task t on t.id = p.id join session s on s.id = t.session_id ${joined}
  where p.place <= ${limit} and (p.bytes <= ${maxBytes} or p.place = 1)
  order by p.place`

const summed = usageColumns
  .map((column) => `'${column}', sum((tree.usage->>'${column}')::numeric)`)
  .join(', ')

/**
 * A session's tasks depth first, each behind its parent, as they were made, and for each the sum of those whose
 * path goes through it; indexes: task_session_id_key_key, task_children.
 */
const treeSql = /* sql */ `
with recursive tree as (
  select t.id, array[t.id] as path, t.state, t.usage
  from task t where t.session_id = $1::text and t.parent_id is null
  union all
  select t.id, tree.path || t.id, t.state, t.usage from task t join tree on t.parent_id = tree.id
  where t.session_id = $1::text and cardinality(tree.path) < 10
),
rolled as (
  select node.id, json_build_object(
           'done', count(*) filter (where tree.state = 'COMPLETED' and tree.id <> node.id),
           'total', count(*) - 1) as progress,
         json_build_object(${summed}) as total_usage
  from tree cross join lateral unnest(tree.path) as node(id) group by node.id
),
picked as (
  select t.id, ${weight} as weight, row_number() over (order by tree.path) as place
  from tree join task t on t.id = tree.id
  where $2::text is null or tree.path > (select path from tree where id = $2::text)
  order by tree.path limit $3::int + 1
)
${bounded('$3::int', ', r.progress, r.total_usage', 'join rolled r on r.id = p.id')}`

export type Page<T> = { items: T[]; next_cursor: string | null }

/** The whole tree counts in `progress` and `usage`, whatever part of it a page holds. */
export type TaskTree = Page<TreeTask> & { progress: Progress; usage: Usage }

/** The tree of a session's tasks; the cursor is the last id. @throws not_found */
export async function listSessionTasks(
  services: Pick<Services, 'database'>,
  actor: Actor,
  session_id: string,
  { limit, after }: { limit: number; after: string | null },
): Promise<TaskTree> {
  const [whole] = await services.database.query<Pick<TaskTree, 'progress' | 'usage'>>(actor.tenant_id, {
    name: 'session_progress',
    text: progressSql,
    values: [session_id],
  })
  if (!whole) throw notFound('session', session_id)
  const rows = await services.database.query<TreeRow>(actor.tenant_id, {
    name: 'list_session_tasks',
    text: treeSql,
    values: [session_id, after, limit],
  })
  const page = pageOf(rows, (row) => {
    const { progress, total_usage } = row
    return { ...toView(row), progress, total_usage }
  })
  return { ...page, ...whole }
}

/** A session as a whole; index: task_session_id_key_key. */
const progressSql = /* sql */ `
select s.usage, (
  select json_build_object('done', count(*) filter (where t.state = 'COMPLETED'), 'total', count(*))
  from task t where t.session_id = s.id
) as progress
from session s where s.id = $1::text`

export type TaskFilter = {
  states: string[] | null
  capability: string | null
  limit: number
  before: string | null
}

/** Tasks of all sessions, newest first; the cursor is the last id; index: task_list. */
export async function listTasks(
  services: Pick<Services, 'database'>,
  actor: Actor,
  filter: TaskFilter,
): Promise<Page<TaskView>> {
  const rows = await services.database.query<ListRow>(actor.tenant_id, {
    name: 'list_tasks',
    text: /* sql */ `
      with picked as (
        select t.id, ${weight} as weight, row_number() over (order by t.id desc) as place from task t
        where ($1::text[] is null or t.state = any($1::text[]))
          and ($2::text is null or t.capability = $2::text) and ($3::text is null or t.id < $3::text)
        order by t.id desc limit $4::int + 1
      )
      ${bounded('$4::int')}`,
    values: [filter.states, filter.capability, filter.before, filter.limit],
  })
  return pageOf(rows, toView)
}

/** Fewer rows than were picked: the limit or the bytes left some out. */
function pageOf<R extends ListRow, V extends TaskView>(rows: R[], view: (row: R) => V): Page<V> {
  const items = rows.map(view)
  const more = rows.length < (rows[0]?.picked ?? 0)
  return { items, next_cursor: more ? (items.at(-1)?.id ?? null) : null }
}

/** One task. @throws not_found */
export async function readTask(services: Pick<Services, 'database'>, actor: Actor, id: string) {
  const [row] = await services.database.query<Row>(actor.tenant_id, {
    name: 'read_task',
    text: /* sql */ `
      select to_json(t) as task, s.state as session_state
      from task t join session s on s.id = t.session_id where t.id = $1::text`,
    values: [id],
  })
  if (!row) throw notFound('task', id)
  return toView(row)
}

function toView({ task, session_state }: Row): TaskView {
  const {
    tenant_id: _tenant,
    agent_incarnation: _incarnation,
    failed_agent_id: _failed,
    last_batch: _batch,
    work,
    ...view
  } = toTask(task)
  return { ...view, checkpoint_number: work?.number ?? null, actions: controlsOf(view.state, session_state) }
}

/** What an operator may do with a task in its state, in a session in its own. */
export function controlsOf(state: Task['state'], session_state: string): TaskControl[] {
  if (state === 'COMPLETED') return []
  if (state !== 'FAILED' && state !== 'CANCELLED') return ['cancel']
  return session_state === 'COMPLETED' ? [] : ['retry']
}
