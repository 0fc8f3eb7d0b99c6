import { sessionColumns } from '#core/change/load.sql'
import type { Statement } from '#core/database/database'

/** A new session with its first page, of `count` events, and its first checkpoint. */
export type NewRow = { id: string; page: string; count: number; checkpoint_id: string } & Record<
  string,
  unknown
>

/** Sessions, each with its first page and checkpoint; it answers them as they are loaded. */
export function insertSessions(rows: NewRow[]): Statement {
  return { name: 'insert_session', text: sql, values: [JSON.stringify(rows)] }
}

const sql = /* sql */ `
with input as materialized (
  select * from json_to_recordset($1::json) as r(
    tenant_id text, id text, title text, prompt text, priority priority, repository json, plan json, budget json,
    labels text[], approval_policy json, state text, usage json, page text, count bigint, checkpoint_id text)
),
made as (
  insert into session (tenant_id, id, title, prompt, priority, repository, plan, budget, labels, approval_policy,
                       state, usage, wake_at, last_seq, head_hash, checkpoint_number, queued_at)
  select tenant_id, id, title, prompt, priority, repository, plan, budget, labels, approval_policy,
         state, usage, case when state = 'QUEUED' then now() end, count,
         sha256(convert_to('1' || chr(10) || page, 'UTF8')), 1, case when state = 'QUEUED' then now() end
  from input
  returning *
),
paged as (
  insert into event_page (tenant_id, session_id, first_seq, last_seq, hash, page)
  select m.tenant_id, m.id, 1, i.count, m.head_hash, i.page from made m join input i on i.id = m.id
),
checked as (
  insert into checkpoint (tenant_id, session_id, number, id, trigger, seq, changed, size)
  select m.tenant_id, m.id, 1, i.checkpoint_id, 'TRANSITION', i.count,
         json_build_object('session', json_build_object('state', m.state, 'usage', m.usage), 'tasks', json_build_array()), 0
  from made m join input i on i.id = m.id
)
select ${sessionColumns} from made s`
