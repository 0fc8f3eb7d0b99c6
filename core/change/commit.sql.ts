import { columnsSql, columnValues, linesSql } from '#core/database/columns'
import type { Statement } from '#core/database/database'
import { unassigned } from '#core/task/blank'
import type { Draft } from './draft.ts'
import {
  changedIn,
  inboxColumns,
  movedColumns,
  pageOf,
  rare,
  rowsOf,
  sessionRow,
  slotColumns,
} from './rows.ts'

export type Committed = { id: string; version: number; last_seq: number }

/**
 * The one statement that performs transitions: of many sessions at once, each by compare-and-set on its version,
 * with its tasks, events, checkpoint, inbox items and slots. It locks first: tenants whose sessions are admitted,
 * sessions, then agents, in id order; a session whose version moved, for which no place among the running ones is
 * left, or one of whose slots is gone, writes nothing. It answers the sessions that won.
 */
export function commitStatement(drafts: Draft[]): Statement {
  const { made, moved, slots, inbox, messages, approvals } = rowsOf(drafts)
  return {
    name: 'commit',
    text: sql,
    values: [
      ...[drafts.map(sessionRow), made, messages, approvals].map((rows) => JSON.stringify(rows)),
      drafts.map(pageOf).join('\n'),
      drafts.map(changedIn).join('\n'),
      ...columnValues(slotColumns, slots),
      ...columnValues(inboxColumns, inbox),
      ...columnValues(movedColumns, moved),
    ],
  }
}

/** Where the parameters of each begin: six stand before them. */
export const first = {
  slots: 7,
  inbox: 7 + Object.keys(slotColumns).length,
  moved: 7 + Object.keys(slotColumns).length + Object.keys(inboxColumns).length,
}

const sql = /* sql */ `
with input as materialized (
  select i.*, l.page, l.changed from rows from (json_to_recordset($1::json) as (
    id text, tenant_id text, version bigint, state text, wake_at timestamptz, usage json, reserved json, attempts_finished int,
    attempts_succeeded int, step_errors int, whole boolean, admits boolean, title text, priority priority, budget json,
    labels text[], approval_policy json, base_commit text, base_artifact_id text, waiting json,
    settle_by timestamptz, rehearsal boolean, result json, failure json, queued_at timestamptz,
    started_at timestamptz, ended_at timestamptz, count int, trigger text, checkpoint_id text)) with ordinality i
  left join unnest(${linesSql(5)}, ${linesSql(6)}) with ordinality l(page, changed, ordinality) using (ordinality)
),
slot as materialized (
  select * from ${columnsSql(slotColumns, first.slots, 'x')}
),
seats as materialized (
  select tenant_id, free_places(tenant_id) as free
  from (select distinct tenant_id from input where admits order by tenant_id) t
),
held as materialized (
  select h.* from (select id, tenant_id from input order by id) i
  cross join lateral (
    select s.id, s.version, s.last_seq, s.head_hash, s.checkpoint_number
    from session s where s.id = i.id and s.tenant_id = i.tenant_id and (select count(*) from seats) >= 0 for update
  ) h
),
fleet as materialized (
  -- On probation (tierOf) one task at a time: two steps at once cannot give it two.
  select a.id, a.state, a.incarnation, case
    when length(a.recent) >= 5 and length(replace(a.recent, '0', '')) < 0.7 * length(a.recent) then 1
    else a.capacity end - a.active as free
  from agent a
  where a.id in (select x.agent_id from slot x) and (select count(*) from held) >= 0
  order by a.id for update
),
-- Agents that cannot take all that is asked of them; a slot that goes on to the session's next task has its place.
short as materialized (
  select x.agent_id from slot x left join fleet f on f.id = x.agent_id
  where x.take = 1 group by x.agent_id
  having not coalesce(bool_and(f.state = 'ONLINE' and f.incarnation = x.incarnation)
    and sum(x.take - x.give) <= min(f.free), false)
),
refused as materialized (
  select session from (
    select x.session, f.state, f.free, f.incarnation = x.incarnation as same,
           sum(x.take - x.give) over (partition by x.agent_id order by x.session rows unbounded preceding) as place
    from short join slot x on x.agent_id = short.agent_id left join fleet f on f.id = x.agent_id
    where x.take = 1
  ) wanted
  where not coalesce(state = 'ONLINE' and same and place <= free, false)
  union
  select ordinality from (
    select i.ordinality, s.free, row_number() over (
      partition by i.tenant_id order by turn_at(i.priority, i.queued_at), i.id) as place
    from input i join seats s on s.tenant_id = i.tenant_id where i.admits
  ) admitted
  where place > free
),
won as materialized (
  select i.*, h.last_seq as old_seq, h.checkpoint_number as old_number,
         sha256(h.head_hash || convert_to((h.last_seq + 1)::text || chr(10) || i.page, 'UTF8')) as hash
  from input i join held h on h.id = i.id
  where h.version = i.version and i.ordinality not in (select session from refused)
),
moved as (
  update session s set
    version = w.version + 1, state = w.state, wake_at = w.wake_at,
    usage = coalesce(w.usage, s.usage), reserved = coalesce(w.reserved, s.reserved),
    attempts_finished = w.attempts_finished, attempts_succeeded = w.attempts_succeeded, step_errors = w.step_errors,
    updated_at = now(), last_seq = w.old_seq + w.count, head_hash = coalesce(w.hash, s.head_hash),
    checkpoint_number = w.old_number + (w.trigger is not null)::int,
    ${rare.map((column) => `${column} = case when w.whole then w.${column} else s.${column} end`).join(',\n    ')}
  from won w where s.id = w.id
),
made as (
  insert into task
  select r.* from json_populate_recordset(json_populate_record(null::task, '${JSON.stringify(unassigned)}'), $2::json) r
  join won w on w.id = r.session_id
),
worked as (
  update task t set
    priority = coalesce(r.priority, t.priority), depends_on = coalesce(r.depends_on, t.depends_on), state = m.state,
    waiting = r.waiting, attempt = m.attempt, failures = coalesce(r.failures, t.failures),
    losses = coalesce(r.losses, t.losses), agent_id = m.agent_id, agent_incarnation = m.agent_incarnation,
    failed_agent_id = r.failed_agent_id, not_before = r.not_before, deadline = m.deadline,
    -- Reports move these two without a new version: what arrived since the look stays.
    last_batch = case when (t.attempt, t.agent_id) is not distinct from (m.attempt, m.agent_id)
      then greatest(t.last_batch, m.last_batch) else m.last_batch end,
    work = case when m.state in ('COMPLETED', 'WAITING_CHILDREN') then null else t.work end,
    usage = coalesce(r.usage, t.usage), reserved = coalesce(r.reserved, t.reserved), result = r.result, error = r.error,
    ready_at = m.ready_at, started_at = m.started_at, ended_at = r.ended_at
  from ${columnsSql(movedColumns, first.moved, 'm')}
  join won w on w.ordinality = m.session
  left join lateral (
    select * from json_to_record(m.rest::json) as (
      priority priority, failures int, losses int, depends_on text[], usage json, reserved json, waiting json,
      failed_agent_id text, not_before timestamptz, result json, error json, ended_at timestamptz)
    where m.rest is not null
  ) r on true
  where t.id = m.id
),
paged as (
  insert into event_page (tenant_id, session_id, first_seq, last_seq, hash, page)
  select tenant_id, id, old_seq + 1, old_seq + count, hash, page from won where count > 0
),
checked as (
  insert into checkpoint (tenant_id, session_id, number, id, trigger, seq, changed, size)
  select tenant_id, id, old_number + 1, checkpoint_id, trigger,
         old_seq + count, changed::json, octet_length(changed)
  from won where trigger is not null
),
shifted as (
  update agent a set
    active = a.active + d.taken, finished = a.finished + d.finished, succeeded = a.succeeded + d.succeeded,
    recent = right(a.recent || d.outcomes, 50),
    proven = case when d.outcomes = '' then a.proven else a.proven || (
      select jsonb_object_agg(o.key, right(coalesce(a.proven->>o.key, '') || o.value, 50))
      from jsonb_each_text(d.by_capability) o) end
  from (
    select agent_id, sum(taken) as taken, sum(finished) as finished, sum(succeeded) as succeeded,
           string_agg(outcomes, '') as outcomes,
           jsonb_object_agg(capability, outcomes) filter (where outcomes <> '') as by_capability
    from (
      select x.agent_id, x.capability, sum(x.take - x.give) as taken,
             count(*) filter (where x.outcome <> '') as finished,
             count(*) filter (where x.outcome = '1') as succeeded, string_agg(x.outcome, '') as outcomes
      from slot x join won w on w.ordinality = x.session group by x.agent_id, x.capability
    ) c group by agent_id
  ) d
  where a.id = d.agent_id
),
told as (
  insert into inbox (tenant_id, id, agent_id, kind, task_id, attempt, data)
  select w.tenant_id, n.id, n.agent_id, n.kind, n.task_id, n.attempt, n.data::json
  from ${columnsSql(inboxColumns, first.inbox, 'n')}
  join won w on w.ordinality = n.session
  -- One that was removed is told nothing; its row would refuse the whole flight.
  join agent a on a.id = n.agent_id
),
said as (
  insert into message (tenant_id, id, session_id, text)
  select w.tenant_id, n.id, w.id, n.text
  from json_to_recordset($3::json) as n(session int, id text, text text) join won w on w.ordinality = n.session
),
approved as (
  insert into approval
  select r.* from json_populate_recordset(null::approval, $4::json) r join won w on w.id = r.session_id
  on conflict (id) do update set
    state = excluded.state, answer = excluded.answer, answered_by = excluded.answered_by,
    closed_at = excluded.closed_at
)
select id, version + 1 as version, old_seq + count as last_seq from won`
