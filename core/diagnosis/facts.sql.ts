import { toIso } from '#core/change/load.sql'
import type { Database } from '#core/database/database'
import type { Facts, KnownAgent, KnownTask, QueuePlace } from './facts.ts'

type Row = { id: string; tasks: KnownTask[]; agents: KnownAgent[]; queue: QueuePlace; now: string }

/**
 * What sessions of one tenant wait for: their open tasks, the agents that are not OFFLINE or hold one of these,
 * and the place in the queue. Indexes: session_pkey, session_state, task_session_id_key_key.
 */
const sql = /* sql */ `
with asked as materialized (
  select s.id, s.tenant_id, s.state from session s where s.id = any($1::text[])
),
open as materialized (
  select t.* from asked a
  -- offset 0: each session's tasks by their index, whatever the planner thinks of a table it knows little of.
  cross join lateral (select * from task where session_id = a.id offset 0) t
  where t.state not in ('COMPLETED', 'FAILED', 'CANCELLED')
),
queue as (
  select q.id, row_number() over (order by turn_at(q.priority, q.queued_at), q.id) - 1 as before
  from session q
  where q.state = 'QUEUED' and q.tenant_id in (select tenant_id from asked)
    and exists (select from asked where state = 'QUEUED')
),
fleet as materialized (
  select json_agg(json_build_object(
    'id', a.id, 'name', a.name, 'state', a.state, 'capabilities', a.capabilities, 'labels', a.labels,
    'capacity', a.capacity, 'active', a.active, 'recent', a.recent, 'incarnation', a.incarnation)) as agents
  from agent a
  where exists (select from open) and a.tenant_id in (select tenant_id from asked)
    and (a.state <> 'OFFLINE' or a.id in (select agent_id from open where state in ('ASSIGNED', 'RUNNING', 'AWAITING_INPUT')))
),
place as materialized (
  select t.id, t.max_running_sessions, tokens_until(t.id) as tokens_until, (
    select count(*)::int from session r where r.tenant_id = t.id and r.state in ('RUNNING', 'PAUSING')
  ) as running
  from tenant t where t.id in (select tenant_id from asked)
)
select a.id, now() as now, coalesce(f.agents, '[]') as agents,
  json_build_object('before', coalesce(q.before, 0), 'running', p.running, 'limit', p.max_running_sessions,
    'tokens_until', p.tokens_until) as queue,
  (select coalesce(json_agg(json_build_object(
     'id', o.id, 'key', o.key, 'title', o.title, 'kind', o.kind, 'state', o.state, 'capability', o.capability,
     'depends_on', o.depends_on, 'parent_id', o.parent_id, 'waiting', o.waiting, 'attempt', o.attempt,
     'agent_id', o.agent_id, 'agent_incarnation', o.agent_incarnation, 'failed_agent_id', o.failed_agent_id,
     'not_before', o.not_before, 'deadline', o.deadline, 'created_at', o.created_at, 'ready_at', o.ready_at,
     'started_at', o.started_at) order by o.id), '[]') from open o where o.session_id = a.id) as tasks
from asked a join place p on p.id = a.tenant_id cross join fleet f left join queue q on q.id = a.id`

export type LoadedFacts = Pick<Facts, 'tasks' | 'agents' | 'queue' | 'now'>

/** The facts of each session, by id, but for the session itself and for who is alive. */
export async function loadFacts(database: Database, tenant_id: string, ids: string[]) {
  if (ids.length === 0) return new Map<string, LoadedFacts>()
  const rows = await database.query<Row>(tenant_id, { name: 'load_facts', text: sql, values: [ids] })
  return new Map(
    rows.map(({ id, tasks, queue, ...facts }): [string, LoadedFacts] => {
      const tokens_until = queue.tokens_until && new Date(queue.tokens_until).toISOString()
      return [id, { ...facts, queue: { ...queue, tokens_until }, tasks: tasks.map(toIso) }]
    }),
  )
}
