import type { Statement } from '#core/database/database'
import { pageText } from '#core/event/event'
import { newId } from '#core/id'
import type { Session } from '#core/session/session'
import { unassigned } from '#core/task/blank'
import type { Task } from '#core/task/task'
import type { Draft } from './draft.ts'

export type Committed = { id: string; version: number; last_seq: number }

/** Columns of a session that few decisions change: they are sent, and written, only with one that does. */
const rare = [
  'title',
  'priority',
  'budget',
  'labels',
  'approval_policy',
  'base_commit',
  'base_artifact_id',
  'waiting',
  'settle_by',
  'rehearsal',
  'result',
  'failure',
  'queued_at',
  'started_at',
  'ended_at',
] as const satisfies (keyof Session)[]

/** Columns of a session that a decision may change; usage and reserved only when they did. One literal: objects spread into one another cost ten times as much. */
function sessionRow(draft: Draft) {
  const { session, before, events, trigger } = draft
  const { id, tenant_id, version, state, wake_at } = session
  const { attempts_finished, attempts_succeeded, step_errors } = session
  const usage = ifChanged(session.usage, before.usage)
  const whole = rare.some((column) => session[column] !== before[column])
  const row = {
    id,
    tenant_id,
    version,
    state,
    wake_at,
    usage,
    reserved: ifChanged(session.reserved, before.reserved),
    attempts_finished,
    attempts_succeeded,
    step_errors,
    whole,
    admits: isAdmission(draft),
    count: events.length,
    page: events.length > 0 ? pageText(events) : undefined,
    trigger,
    checkpoint_id: trigger ? newId('checkpoint') : undefined,
    changed: { session: { state, version: version + 1, usage }, tasks: touchedTasks(draft) },
  }
  return whole ? Object.assign(row, Object.fromEntries(rare.map((column) => [column, session[column]]))) : row
}

/** Whether it takes a place among those that run. */
function isAdmission({ before, session }: Draft) {
  return before.state === 'QUEUED' && (session.state === 'RUNNING' || session.state === 'PAUSING')
}

/** What is undefined is not in the JSON. */
const ifChanged = <T>(value: T, before: T | undefined) => (value === before ? undefined : value)
const ifSet = <T>(value: T | null) => value ?? undefined

/**
 * Columns of a task that a decision may change: its words stay as they were made. One that is missing stays as it is
 * where it is never null, and is null where it may be.
 */
function movedRow({ tasks, were }: Draft, id: string) {
  const task = tasks.get(id)
  const before = were.get(id)
  if (!task || !before) return []
  return [
    {
      id,
      session_id: task.session_id,
      state: task.state,
      attempt: task.attempt,
      last_batch: task.last_batch,
      priority: ifChanged(task.priority, before.priority),
      failures: ifChanged(task.failures, before.failures),
      losses: ifChanged(task.losses, before.losses),
      depends_on: ifChanged(task.depends_on, before.depends_on),
      usage: ifChanged(task.usage, before.usage),
      reserved: ifChanged(task.reserved, before.reserved),
      waiting: ifSet(task.waiting),
      agent_id: ifSet(task.agent_id),
      agent_incarnation: ifSet(task.agent_incarnation),
      failed_agent_id: ifSet(task.failed_agent_id),
      not_before: ifSet(task.not_before),
      deadline: ifSet(task.deadline),
      result: ifSet(task.result),
      error: ifSet(task.error),
      ready_at: ifSet(task.ready_at),
      started_at: ifSet(task.started_at),
      ended_at: ifSet(task.ended_at),
    },
  ]
}

/** Of a new task what tells it from one that nobody was assigned yet; the statement knows the rest. */
function madeRow({ tasks }: Draft, id: string) {
  const task = tasks.get(id)
  if (!task) return []
  const row: Partial<Task> = { ...task }
  for (const column of blankColumns) if (row[column] === unassigned[column]) delete row[column]
  return [row]
}

const blankColumns = Object.keys(unassigned) as (keyof typeof unassigned)[]

/**
 * What a checkpoint stores of each task that moved: what has changed; of a new one also what it is. A fork stands it
 * up again with this, the texts that never change (instruction, checks) and the result of what is COMPLETED, both in
 * its row.
 */
function touchedTasks({ touched, were, tasks }: Draft) {
  return [...touched].flatMap((id) => {
    const task = tasks.get(id)
    if (!task) return []
    const { key, state, attempt, failures, losses, agent_id, result } = task
    const { parent_id, kind, title, capability, depends_on } = task
    const commit = result?.commit ?? null
    const before = were.get(id)
    if (!before) {
      const what = { parent_id, kind, title, capability, depends_on }
      return [{ id, key, ...what, state, attempt, failures, losses, agent_id, commit }]
    }
    return [
      {
        id,
        key,
        state,
        depends_on: ifChanged(depends_on, before.depends_on),
        attempt: ifChanged(attempt, before.attempt),
        failures: ifChanged(failures, before.failures),
        losses: ifChanged(losses, before.losses),
        agent_id: ifChanged(agent_id, before.agent_id),
        commit: ifChanged(commit, before.result?.commit ?? null),
      },
    ]
  })
}

/**
 * The one statement that performs transitions: of many sessions at once, each by compare-and-set on its version,
 * with its tasks, events, checkpoint, inbox items and slots. It locks first: tenants whose sessions are admitted,
 * sessions, then agents, in id order; a session whose version moved, for which no place among the running ones is
 * left, or one of whose slots is gone, writes nothing. It answers the sessions that won.
 */
export function commitStatement(drafts: Draft[]): Statement {
  const made = drafts.flatMap((draft) => [...draft.made].flatMap((id) => madeRow(draft, id)))
  const moved = drafts.flatMap((draft) => [...draft.touched].flatMap((id) => movedRow(draft, id)))
  const slots = drafts.flatMap(({ session, slots }) =>
    slots.map((slot) => ({ session_id: session.id, ...slot })),
  )
  const inbox = drafts.flatMap(({ session, inbox }) =>
    inbox.map((item) => ({ session_id: session.id, tenant_id: session.tenant_id, ...item })),
  )
  const messages = drafts.flatMap(({ session, message }) =>
    message ? [{ session_id: session.id, ...message }] : [],
  )
  const approvals = drafts.flatMap(({ touchedApprovals, approvals }) =>
    [...touchedApprovals].map((id) => approvals.get(id)),
  )
  return {
    name: 'commit',
    text: sql,
    values: [drafts.map(sessionRow), made, slots, inbox, messages, moved, approvals].map((rows) =>
      JSON.stringify(rows),
    ),
  }
}

const sql = /* sql */ `
with input as materialized (
  select * from json_to_recordset($1::json) as i(
    id text, tenant_id text, version bigint, state text, wake_at timestamptz, usage json, reserved json, attempts_finished int,
    attempts_succeeded int, step_errors int, whole boolean, admits boolean, title text, priority priority, budget json,
    labels text[], approval_policy json, base_commit text, base_artifact_id text, waiting json,
    settle_by timestamptz, rehearsal boolean, result json, failure json, queued_at timestamptz,
    started_at timestamptz, ended_at timestamptz, count int, page text, trigger text, checkpoint_id text, changed json)
),
slot as materialized (
  select * from json_to_recordset($3::json) as x(
    session_id text, agent_id text, incarnation int, take int, give int, outcome text, capability text)
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
refused as materialized (
  select distinct session_id from (
    select x.session_id, f.state, f.free, f.incarnation = x.incarnation as same,
           sum(x.take - x.give) over (partition by x.agent_id order by x.session_id rows unbounded preceding) as place
    from slot x left join fleet f on f.id = x.agent_id
    where x.take = 1
  ) wanted
  -- A slot that goes on to the session's next task takes no place: it has one.
  where not coalesce(state = 'ONLINE' and same and place <= free, false)
  union
  select id from (
    select i.id, s.free, row_number() over (
      partition by i.tenant_id order by turn_at(i.priority, i.queued_at), i.id) as place
    from input i join seats s on s.tenant_id = i.tenant_id where i.admits
  ) admitted
  where place > free
),
won as materialized (
  select i.*, h.last_seq as old_seq, h.checkpoint_number as old_number,
         sha256(h.head_hash || convert_to((h.last_seq + 1)::text || chr(10) || i.page, 'UTF8')) as hash
  from input i join held h on h.id = i.id
  where h.version = i.version and i.id not in (select session_id from refused)
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
    priority = coalesce(m.priority, t.priority), depends_on = coalesce(m.depends_on, t.depends_on), state = m.state,
    waiting = m.waiting, attempt = m.attempt, failures = coalesce(m.failures, t.failures),
    losses = coalesce(m.losses, t.losses), agent_id = m.agent_id, agent_incarnation = m.agent_incarnation,
    failed_agent_id = m.failed_agent_id, not_before = m.not_before, deadline = m.deadline,
    -- Reports move these two without a new version: what arrived since the look stays.
    last_batch = case when (t.attempt, t.agent_id) is not distinct from (m.attempt, m.agent_id)
      then greatest(t.last_batch, m.last_batch) else m.last_batch end,
    work = case when m.state in ('COMPLETED', 'WAITING_CHILDREN') then null else t.work end,
    usage = coalesce(m.usage, t.usage), reserved = coalesce(m.reserved, t.reserved), result = m.result, error = m.error,
    ready_at = m.ready_at, started_at = m.started_at, ended_at = m.ended_at
  from json_to_recordset($6::json) as m(
    id text, session_id text, priority priority, state text, waiting json, attempt int, failures int, losses int,
    agent_id text, agent_incarnation int, failed_agent_id text, not_before timestamptz, deadline timestamptz,
    last_batch int, depends_on text[], usage json, reserved json, result json, error json, ready_at timestamptz,
    started_at timestamptz, ended_at timestamptz)
  join won w on w.id = m.session_id
  where t.id = m.id
),
paged as (
  insert into event_page (tenant_id, session_id, first_seq, last_seq, hash, page)
  select tenant_id, id, old_seq + 1, old_seq + count, hash, page from won where count > 0
),
checked as (
  insert into checkpoint (tenant_id, session_id, number, id, trigger, seq, changed, size)
  select tenant_id, id, old_number + 1, checkpoint_id, trigger,
         old_seq + count, changed, octet_length(changed::text)
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
      from slot x join won w on w.id = x.session_id group by x.agent_id, x.capability
    ) c group by agent_id
  ) d
  where a.id = d.agent_id
),
told as (
  insert into inbox (tenant_id, id, agent_id, kind, task_id, attempt, data)
  select n.tenant_id, n.id, n.agent_id, n.kind, n.task_id, n.attempt, n.data
  from json_to_recordset($4::json) as n(
    session_id text, tenant_id text, id text, agent_id text, kind text, task_id text, attempt int, data json)
  join won w on w.id = n.session_id
  -- One that was removed is told nothing; its row would refuse the whole flight.
  where exists (select from agent a where a.id = n.agent_id)
),
said as (
  insert into message (tenant_id, id, session_id, text)
  select w.tenant_id, n.id, w.id, n.text
  from json_to_recordset($5::json) as n(session_id text, id text, text text) join won w on w.id = n.session_id
),
approved as (
  insert into approval
  select r.* from json_populate_recordset(null::approval, $7::json) r join won w on w.id = r.session_id
  on conflict (id) do update set
    state = excluded.state, answer = excluded.answer, answered_by = excluded.answered_by,
    closed_at = excluded.closed_at
)
select id, version + 1 as version, old_seq + count as last_seq from won`
