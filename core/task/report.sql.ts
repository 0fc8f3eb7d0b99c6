import type { Statement } from '#core/database/database'
import { slice } from '#core/usage/budget'
import { type Usage, usageColumns } from '#core/usage/usage'

export type Report = {
  session_id: string
  task_id: string
  agent_id: string
  attempt: number
  /** The batch it brings, or null for a checkpoint, which has none. */
  batch: number | null
  count: number
  page: string | null
  usage: Usage | null
  checkpoint: { id: string; trigger: string; artifact_id: string | null; work: string; size: number } | null
}

export type Reported = {
  task_id: string
  last_batch: number
  last_seq: number
  number: number
  state: string
  /** Nothing is left that this task may spend. */
  over: boolean
}

/**
 * Adds to running work: a page of its log, what it used, a snapshot of it. Fenced by agent, attempt and batch;
 * a row that does not match writes nothing and is not answered. Log pages move only last_seq and the head hash;
 * usage is read by decisions, so it moves the version too: it settles what the task has reserved, and reserves the
 * next slice of what is left, as sliceOf in core/usage/budget.ts does. Sessions and tasks are locked in id order.
 */
export function reportStatement(reports: Report[]): Statement {
  return { name: 'report', text: sql, values: [JSON.stringify(reports)] }
}

const summed = (column: string) =>
  `'${column}', (o.usage->>'${column}')::numeric + coalesce((w.usage->>'${column}')::numeric, 0)`
const sumOf = (old: string) =>
  `json_build_object(${usageColumns.map((column) => summed(column).replaceAll('o.', `${old}.`)).join(', ')})`

/** Those that count against a budget, see countedTokens; a usage that is null counts none. */
const tokensOf = (usage: string) =>
  `(${['input_tokens', 'output_tokens', 'reasoning_tokens']
    .map((column) => `coalesce((${usage}->>'${column}')::numeric, 0)`)
    .join(' + ')})`

const reservedPlus = (old: string) =>
  `json_build_object(${['tokens', 'cost_usd']
    .map((name) => {
      const part = (of: string) => `(${of}->>'${name}')::numeric`
      return `'${name}', ${part(`${old}.reserved`)} - ${part('w.own')} + ${part('w.next')}`
    })
    .join(', ')})`

const sql = /* sql */ `
with input as materialized (
  select * from json_to_recordset($1::json) as i(
    session_id text, task_id text, agent_id text, attempt int, batch int, count int, page text, usage json,
    checkpoint json)
),
locked as materialized (
  select i.*, s.budget, s.usage as spent, s.reserved as kept, t.reserved as own, s.tenant_id, s.last_seq as old_seq, s.checkpoint_number as old_number, t.last_batch, t.state, t.key,
         sha256(s.head_hash || convert_to((s.last_seq + 1)::text || chr(10) || i.page, 'UTF8')) as hash
  from input i join session s on s.id = i.session_id join task t on t.id = i.task_id and t.session_id = s.id
  where t.agent_id = i.agent_id and t.attempt = i.attempt and t.state in ('RUNNING', 'AWAITING_INPUT')
    and (i.batch is null or i.batch = t.last_batch + 1)
  order by s.id, t.id for update of s, t
),
left_over as materialized (
  select l.*,
    (budget->>'tokens')::numeric - ${tokensOf('spent')} - ${tokensOf('usage')}
      - (kept->>'tokens')::numeric + (own->>'tokens')::numeric as tokens,
    round((budget->>'cost_usd')::numeric - (spent->>'cost_usd')::numeric - coalesce((usage->>'cost_usd')::numeric, 0)
      - (kept->>'cost_usd')::numeric + (own->>'cost_usd')::numeric, 6) as cost_usd
  from locked l
),
won as materialized (
  select f.*, coalesce(tokens <= 0 or cost_usd <= 0, false) as over,
    case when coalesce(tokens <= 0 or cost_usd <= 0, false) then '{"tokens": 0, "cost_usd": 0}'::json
    else json_build_object(
      -- Where there is no limit nothing is reserved: least() passes a null by.
      'tokens', case when tokens is null then 0 else
        least(tokens, ${slice.tokens}, ceil((budget->>'tokens')::numeric / ${slice.share})) end,
      'cost_usd', case when cost_usd is null then 0 else
        least(cost_usd, ${slice.cost_usd},
              greatest(round((budget->>'cost_usd')::numeric / ${slice.share}, 6), 0.000001)) end) end as next
  from left_over f
),
logged as (
  update session s set
    last_seq = w.old_seq + w.count, head_hash = coalesce(w.hash, s.head_hash),
    checkpoint_number = w.old_number + (w.checkpoint is not null)::int,
    usage = case when w.usage is null then s.usage else ${sumOf('s')} end,
    reserved = case when w.usage is null then s.reserved else ${reservedPlus('s')} end,
    version = s.version + (w.usage is not null)::int,
    wake_at = case when w.usage is null then s.wake_at else now() end,
    updated_at = now()
  from won w where s.id = w.session_id
  returning s.id, s.state, w.over
),
worked as (
  update task t set
    last_batch = coalesce(w.batch, t.last_batch),
    usage = case when w.usage is null then t.usage else ${sumOf('t')} end,
    reserved = case when w.usage is null then t.reserved else w.next end,
    work = case when w.checkpoint is null then t.work else
      (jsonb_build_object('number', w.old_number + 1) || (w.checkpoint->>'work')::jsonb)::json end
  from won w where t.id = w.task_id
),
paged as (
  insert into event_page (tenant_id, session_id, first_seq, last_seq, hash, page)
  select tenant_id, session_id, old_seq + 1, old_seq + count, hash, page from won where count > 0
),
checked as (
  insert into checkpoint (tenant_id, session_id, number, id, trigger, seq, task_id, artifact_id, changed, size)
  select tenant_id, session_id, old_number + 1, checkpoint->>'id', checkpoint->>'trigger', old_seq + count, task_id,
         checkpoint->>'artifact_id',
         json_build_object('tasks', json_build_array(json_build_object('id', task_id, 'key', key, 'state', state,
           'attempt', attempt, 'work', checkpoint->>'work'))),
         (checkpoint->>'size')::bigint
  from won where checkpoint is not null
)
select w.task_id, coalesce(w.batch, w.last_batch) as last_batch, w.old_seq + w.count as last_seq,
       w.old_number + 1 as number, l.state, l.over
from won w join logged l on l.id = w.session_id`
