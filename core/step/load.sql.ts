import type { Agent } from '#core/agent/agent'
import { type KnownRow, openApprovals, sessionColumnsWith } from '#core/change/load.sql'
import type { Statement } from '#core/database/database'
import { type BriefTask, briefColumns, isBrief } from '#core/task/brief'
import type { Task } from '#core/task/task'

export type StepRow = Omit<KnownRow, 'tasks'> & {
  tasks: (Task | BriefTask)[]
  holders: { id: string; state: Agent['state']; incarnation: number }[]
}

/** Sessions that a step may look at in one round; the others keep their wake_at and come next. */
export const admissionLimit = 100
export const readyLimit = 1_000

/** A task as a step decides on it: never the words for its agent; a snapshot only while there is work to go on with. */
const taskColumns = /* sql */ `
  t.tenant_id, t.id, t.session_id, t.parent_id, t.key, t.kind, t.title, '' as instruction, t.capability,
  t.depends_on, '[]'::json as checks, t.priority, t.state, t.waiting, t.attempt, t.failures, t.losses, t.agent_id,
  t.agent_incarnation, t.failed_agent_id, t.not_before, t.deadline, t.last_batch, t.work, t.usage, t.reserved, t.result,
  t.error, t.created_at, t.ready_at, t.started_at, t.ended_at`

/** A tenant and how many of its queue there is a place for. */
export type Places = { tenant_id: string; places: number }

/** Which sessions: by their ids, by those of their tasks, and the first of each tenant's queue. */
export type Wanted = { session_ids?: string[]; task_ids?: string[]; queues?: Places[] }

/**
 * All that a step decides on: the sessions it was woken for, and the first of each tenant's queue, as many as
 * there are places for, with their tasks, and who holds these. The plan comes while it is not yet made into
 * tasks, the prompt while there are none. Of tasks that have ended or that nobody had yet come the few columns
 * that the others are decided by; when all have ended, all are whole. Indexes: session_pkey, session_turn,
 * task_pkey, task_session_id_key_key.
 */
export function loadStep({ session_ids = [], task_ids = [], queues = [] }: Wanted): Statement {
  return {
    name: 'load_step',
    text: /* sql */ `
      with wanted as materialized (
        select unnest($1::text[]) as id
        union
        select session_id from task where id = any($4::text[])
        union
        (select q.id from unnest($2::text[], $3::int[]) as n(tenant_id, places) cross join lateral (
           select id, turn_at(priority, queued_at) as turn from session
           where tenant_id = n.tenant_id and state = 'QUEUED' order by turn_at(priority, queued_at) limit n.places
         ) q order by q.turn limit ${admissionLimit})
      )
      select ${sessionColumnsWith({
        prompt: `case when work.tasks is null then s.prompt else '' end`,
        plan: 'case when not coalesce(work.is_planned, false) then s.plan end',
      })}, now() as now, coalesce(work.tasks, '[]') as tasks, coalesce(work.holders, '[]') as holders,
        ${openApprovals} as approvals, tokens_until(s.tenant_id) as tokens_until
      from wanted w
      -- offset 0: by the key, whatever the planner thinks of a table it knows little of.
      cross join lateral (select * from session where id = w.id offset 0) s
      cross join lateral (
        select not exists (select from task t where t.session_id = s.id and t.state not in ('COMPLETED', 'FAILED', 'CANCELLED'))
          as is_over
      ) o
      cross join lateral (
        select json_agg(case
                 when not o.is_over and (${isBrief})
                 then json_build_array(${briefColumns}) else to_json(t) end order by t.id) as tasks, bool_or(t.kind = 'WORK') as is_planned,
               json_agg(json_build_object('id', a.id, 'state', a.state, 'incarnation', a.incarnation))
                 filter (where a.id is not null) as holders
        from (select ${taskColumns} from task t where t.session_id = s.id offset 0) t
        left join agent a on a.id = t.agent_id and t.state in ('ASSIGNED', 'RUNNING', 'AWAITING_INPUT')
      ) work`,
    values: [
      session_ids,
      queues.map(({ tenant_id }) => tenant_id),
      queues.map(({ places }) => Math.min(places, admissionLimit)),
      task_ids,
    ],
  }
}

/** A capability that somebody of a tenant's fleet has. */
export type Served = { tenant_id: string; capability: string }

/**
 * READY tasks of other sessions that the fleets can do: of each capability those whose turn it is, and as many of
 * the one as of the other when there are too many, so that none holds up another; with their sessions and who did
 * what there. Index: task_turn, read in order.
 */
export function loadReady(served: Served[], except: string[]): Statement {
  return {
    name: 'load_ready',
    text: /* sql */ `
      with ready as materialized (
        select f.session_id, f.task, f.needs
        from unnest($1::text[], $2::text[]) as n(tenant_id, capability) cross join lateral (
          select t.session_id, to_json(t) as task, t.depends_on <> '{}' as needs, row_number() over () as place from (
            select ${taskColumns} from task t
            where t.tenant_id = n.tenant_id and t.capability = n.capability and t.state = 'READY'
              and not t.session_id = any($3::text[]) and (t.not_before is null or t.not_before <= now())
            order by turn_at(t.priority, t.ready_at) limit $4::int
          ) t
        ) f order by f.place limit $4::int
      )
      select ${sessionColumnsWith({ prompt: `''`, plan: 'null::json' })}, now() as now, json_agg(r.task) as tasks,
        case when bool_or(r.needs) then (
          select json_object_agg(d.key, d.agent_id) from task d
          where d.session_id = s.id and d.state = 'COMPLETED' and d.agent_id is not null
        ) end as doers
      from ready r join session s on s.id = r.session_id and s.state = 'RUNNING'
      group by s.id`,
    values: [
      served.map(({ tenant_id }) => tenant_id),
      served.map(({ capability }) => capability),
      except,
      readyLimit,
    ],
  }
}

export type FleetRow = {
  id: string
  max_running_sessions: number
  running_sessions: number
  tokens_until: string | null
  agents: Agent[]
}

/** The agents of a tenant (t) that are not OFFLINE. */
const agents = /* sql */ `(
  select coalesce(json_agg(json_build_object(
     'tenant_id', a.tenant_id, 'id', a.id, 'name', a.name, 'engine', a.engine, 'capabilities', a.capabilities,
     'capacity', a.capacity, 'labels', a.labels, 'state', a.state, 'active', a.active,
     'incarnation', a.incarnation, 'finished', a.finished, 'succeeded', a.succeeded, 'recent', a.recent, 'proven', a.proven,
     'repositories', a.repositories, 'registered_at', a.registered_at,
     'last_heartbeat_at', a.last_heartbeat_at)), '[]')
  from agent a where a.tenant_id = t.id and a.state <> 'OFFLINE') as agents`

/** The tenants' agents that are not OFFLINE, and how many sessions run; index: session_state. */
export function loadFleets(tenant_ids: string[]): Statement {
  return {
    name: 'load_fleets',
    text: /* sql */ `
      select t.id, t.max_running_sessions, tokens_until(t.id) as tokens_until,
        (select count(*)::int from session s where s.tenant_id = t.id and s.state in ('RUNNING', 'PAUSING'))
          as running_sessions,
        ${agents}
      from tenant t where t.id = any($1::text[])`,
    values: [tenant_ids],
  }
}

/** A tenant's fleet as a hand-in meets it, and whether somebody else waits for an agent or for a place. */
export type OpenFleetRow = Pick<FleetRow, 'agents' | 'tokens_until'> & {
  tasks_wait: boolean
  sessions_wait: boolean
}

/**
 * A READY task for which the last look found no agent does not count: nobody here could take it. Indexes: task_turn,
 * session_turn.
 */
export function loadOpenFleet(tenant_id: string): Statement {
  return {
    name: 'load_open_fleet',
    text: /* sql */ `
      select ${agents}, tokens_until(t.id) as tokens_until,
        exists (select from task r where r.tenant_id = t.id and r.state = 'READY' and (r.not_before is null or r.not_before <= now())
                  and r.waiting->>'reason' is distinct from 'no_agent') as tasks_wait,
        exists (select from session q where q.tenant_id = t.id and q.state = 'QUEUED') as sessions_wait
      from tenant t where t.id = $1::text`,
    values: [tenant_id],
  }
}

/**
 * Declares agents silent: OFFLINE, and every session of theirs is to be looked at now, where their tasks are
 * lost. Agents are locked in id order; index: task_held.
 */
export function silence(agent_ids: string[]): Statement {
  return {
    name: 'silence',
    text: /* sql */ `
      with touched as materialized (
        select s.id from session s
        where s.id in (select t.session_id from task t
                       where t.agent_id = any($1::text[]) and t.state in ('ASSIGNED', 'RUNNING', 'AWAITING_INPUT'))
        order by s.id for update
      ),
      gone as materialized (
        select a.id from agent a
        where a.id = any($1::text[]) and a.state <> 'OFFLINE' and (select count(*) from touched) >= 0
        order by a.id for update
      ),
      marked as (update agent a set state = 'OFFLINE' from gone g where a.id = g.id)
      update session s set version = s.version + 1, wake_at = now()
      from touched t where s.id = t.id returning s.id, s.tenant_id`,
    values: [agent_ids],
  }
}

/**
 * When tenants with agents online must be looked at next: before one could have gone unnoticed. Answers those
 * whose time had come, so that only the step that moved it sends the next wake.
 */
export function tenantWake(tenant_ids: string[], seconds: number): Statement {
  return {
    name: 'tenant_wake',
    text: /* sql */ `
      update tenant t set wake_at = case when exists (
          select from agent a where a.tenant_id = t.id and a.state <> 'OFFLINE')
        then now() + make_interval(secs => $2::float8) end
      where t.id = any($1::text[]) and (t.wake_at is null or t.wake_at <= now())
      returning t.id, t.wake_at is not null as waits`,
    values: [tenant_ids, seconds],
  }
}

/** A step that threw: after a bounded number of them the session FAILs `engine_error`. */
export function countStepError(session_id: string): Statement {
  return {
    name: 'count_step_error',
    text: /* sql */ `
      update session set step_errors = step_errors + 1, version = version + 1,
        wake_at = now() + interval '5 seconds' * (step_errors + 1)
      where id = $1::text returning step_errors`,
    values: [session_id],
  }
}
