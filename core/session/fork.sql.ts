import type { Statement } from '#core/database/database'

export type NewFork = {
  parent_id: string
  /** The columns in which it differs from its parent. */
  set: Record<string, unknown>
  fork_seq: number
  page: string
  tasks: Record<string, unknown>[]
  /** Which task of the parent each task was: their context goes over too. */
  origins: { origin: string; id: string }[]
  messages: { id: string; text: string; created_at: string }[]
  checkpoint: { id: string; changed: Record<string, unknown> }
}

/**
 * A session that is its parent but for what differs, with its tasks, messages, context up to `fork_seq`, first page and checkpoint. The page
 * goes on from the hash of the one that ends at `fork_seq`; without one, or without the parent, nothing is made.
 * It answers the session that was made.
 */
export function insertFork({
  parent_id,
  set,
  fork_seq,
  page,
  tasks,
  origins,
  messages,
  checkpoint,
}: NewFork): Statement {
  const { id, changed } = checkpoint
  const rows = [set, tasks, messages, changed, origins].map((value) => JSON.stringify(value))
  return { name: 'insert_fork', text: sql, values: [parent_id, fork_seq, page, id, ...rows] }
}

const sql = /* sql */ `
with parent as materialized (
  -- Whoever deletes it meanwhile waits, or has won: then nothing is made.
  select id from session where id = $1::text for key share
),
cut as (
  select sha256(p.hash || convert_to(($2::bigint + 1)::text || chr(10) || $3::text, 'UTF8')) as hash
  from (
    select last_seq, hash from event_page
    where session_id = $1::text and first_seq <= $2::bigint order by first_seq desc limit 1
  ) p where p.last_seq = $2::bigint
),
made as (
  insert into session
  select r.* from session p cross join cut cross join lateral jsonb_populate_record(p, $5::jsonb || jsonb_build_object(
    'head_hash', '\\x' || encode(cut.hash, 'hex'), 'created_at', now(), 'updated_at', now(),
    'wake_at', case when $5::jsonb->>'state' = 'QUEUED' then now() end,
    'queued_at', case when $5::jsonb->>'state' = 'QUEUED' then now() end)) r
  where p.id in (select id from parent)
  returning tenant_id, id, last_seq, head_hash
),
worked as (
  insert into task select r.* from json_populate_recordset(null::task, $6::json) r join made on made.id = r.session_id
),
said as (
  insert into message (tenant_id, id, session_id, text, created_at)
  select m.tenant_id, n.id, m.id, n.text, n.created_at
  from json_to_recordset($7::json) as n(id text, text text, created_at timestamptz) cross join made m
),
remembered as (
  insert into context_version (tenant_id, scope, scope_id, key, version, session_id, value, deleted, strategy, author,
                               based_on, conflicts, size, seq, created_at)
  select m.tenant_id, v.scope, coalesce(o.id, m.id), v.key, v.version, m.id, v.value, v.deleted, v.strategy, v.author,
         v.based_on, v.conflicts, v.size, m.last_seq, v.created_at
  from made m
  join context_version v on v.session_id = $1::text and v.seq <= $2::bigint
  left join json_to_recordset($9::json) as o(origin text, id text) on o.origin = v.scope_id
  where v.scope = 'SESSION' or o.id is not null
  returning tenant_id, scope, scope_id, key, session_id, version, deleted
),
named as (
  insert into context (tenant_id, scope, scope_id, key, session_id, version, deleted)
  select distinct on (scope, scope_id, key) tenant_id, scope, scope_id, key, session_id, version, deleted
  from remembered order by scope, scope_id, key, version desc
),
paged as (
  insert into event_page (tenant_id, session_id, first_seq, last_seq, hash, page)
  select tenant_id, id, $2::bigint + 1, last_seq, head_hash, $3::text from made
),
checked as (
  insert into checkpoint (tenant_id, session_id, number, id, trigger, seq, changed, size)
  select tenant_id, id, 1, $4::text, 'TRANSITION', last_seq, $8::json, octet_length($8::text) from made
)
select id from made`
