import type { Statement } from '#core/database/database'

export type NewFork = {
  parent_id: string
  /** The columns in which it differs from its parent. */
  set: Record<string, unknown>
  fork_seq: number
  page: string
  tasks: Record<string, unknown>[]
  messages: { id: string; text: string; created_at: string }[]
  checkpoint: { id: string; changed: Record<string, unknown> }
}

/**
 * A session that is its parent but for what differs, with its tasks, messages, first page and checkpoint. The page
 * goes on from the hash of the one that ends at `fork_seq`; without one, or without the parent, nothing is made.
 * It answers the session that was made.
 */
export function insertFork({
  parent_id,
  set,
  fork_seq,
  page,
  tasks,
  messages,
  checkpoint,
}: NewFork): Statement {
  const { id, changed } = checkpoint
  const rows = [set, tasks, messages, changed].map((value) => JSON.stringify(value))
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
paged as (
  insert into event_page (tenant_id, session_id, first_seq, last_seq, hash, page)
  select tenant_id, id, $2::bigint + 1, last_seq, head_hash, $3::text from made
),
checked as (
  insert into checkpoint (tenant_id, session_id, number, id, trigger, seq, changed, size)
  select tenant_id, id, 1, $4::text, 'TRANSITION', last_seq, $8::json, octet_length($8::text) from made
)
select id from made`
