import * as z from 'zod'
import type { Actor } from '#core/actor'
import { toIso } from '#core/change/load.sql'
import { priorities } from '#core/priority'
import type { Services } from '#core/services'
import { sessionStates } from '#core/session/states'
import { taskStates } from './states.ts'
import { taskKinds } from './task.ts'

const time = z.string().meta({ format: 'date-time' })

export const TaskLine = z.object({
  id: z.string(),
  parent_id: z.string().nullable(),
  key: z.string(),
  kind: z.enum(taskKinds),
  title: z.string(),
  capability: z.string(),
  depends_on: z.array(z.string()),
  state: z.enum(taskStates),
  waiting: z
    .object({ reason: z.string(), sentence: z.string(), since: time, until: time.nullable() })
    .nullable(),
  attempt: z.int(),
  failures: z.int(),
  losses: z.int(),
  agent_id: z.string().nullable(),
  agent_name: z.string().nullable(),
  not_before: time.nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  created_at: time,
  ready_at: time.nullable(),
  started_at: time.nullable(),
  ended_at: time.nullable(),
  /** Whether it is one of those that were asked for; the others show where it stands. */
  matches: z.boolean(),
})
export type TaskLine = z.infer<typeof TaskLine>

export const TaskTree = z.object({
  session: z.object({
    id: z.string(),
    title: z.string(),
    state: z.enum(sessionStates),
    priority: z.enum(priorities),
    rehearsal: z.boolean().nullable(),
  }),
  /** Depth first, each behind its parent, as they were made. */
  tasks: z.array(TaskLine),
  /** How many there are, told or not. */
  total: z.int(),
})
export type TaskTree = z.infer<typeof TaskTree>

export type TreeFilter = {
  states: string[] | null
  capability: string | null
  limit: number
  before: string | null
}

/** Of a session at most so many tasks are told. */
const mostTasks = 200

const matches = /* sql */ `
  (($1::text[] is null or t.state = any($1::text[])) and ($2::text is null or t.capability = $2::text))`

/** Sessions with a task of the filter, newest first, each with its tree; indexes: session_list, task_session_id_key_key. */
const treesSql = /* sql */ `
with recursive picked as materialized (
  select s.id from session s
  where ($3::text is null or s.id < $3::text)
    and exists (select from task t where t.session_id = s.id and ${matches})
  order by s.id desc limit $4::int + 1
),
tree as (
  select t.id, t.session_id, array[t.id] as path from task t
  where t.session_id in (select id from picked order by id desc limit $4::int) and t.parent_id is null
  union all
  select t.id, t.session_id, tree.path || t.id from tree
  join task t on t.parent_id = tree.id and t.session_id = tree.session_id
  where cardinality(tree.path) < 10
),
placed as (
  select id, session_id, path, row_number() over (partition by session_id order by path) as place,
         (count(*) over (partition by session_id))::int as total
  from tree
)
select json_build_object('id', s.id, 'title', s.title, 'state', s.state, 'priority', s.priority,
         'rehearsal', s.rehearsal) as session,
  p.total,
  (select count(*)::int from picked) as picked,
  json_agg(json_build_object(
    'id', t.id, 'parent_id', t.parent_id, 'key', t.key, 'kind', t.kind, 'title', t.title,
    'capability', t.capability, 'depends_on', t.depends_on, 'state', t.state, 'waiting', t.waiting,
    'attempt', t.attempt, 'failures', t.failures, 'losses', t.losses, 'agent_id', t.agent_id,
    'agent_name', a.name, 'not_before', t.not_before, 'error', t.error, 'created_at', t.created_at,
    'ready_at', t.ready_at, 'started_at', t.started_at, 'ended_at', t.ended_at, 'matches', ${matches})
    order by p.place) as tasks
from placed p join task t on t.id = p.id join session s on s.id = p.session_id
left join agent a on a.id = t.agent_id
where p.place <= ${mostTasks}
group by s.id, p.total order by s.id desc`

type Row = TaskTree & { picked: number }

/** Trees of all sessions, newest first; the cursor is the last session's id. */
export async function listTrees(
  services: Pick<Services, 'database'>,
  actor: Actor,
  { states, capability, limit, before }: TreeFilter,
) {
  const rows = await services.database.query<Row>(actor.tenant_id, {
    name: 'list_trees',
    text: treesSql,
    values: [states, capability, before, limit],
  })
  const items = rows.map(
    ({ session, total, tasks }): TaskTree => ({ session, total, tasks: tasks.map(toIso) }),
  )
  const more = (rows[0]?.picked ?? 0) > limit
  return { items, next_cursor: more ? (items.at(-1)?.session.id ?? null) : null }
}
