import type { Actor } from '#core/actor'
import type { Database } from '#core/database/database'
import { OrchestratorError } from '#core/error'
import { lineage } from '#core/event/lineage.sql'
import { readSession } from './read.ts'

type With = { database: Database }
type Row = { place: string; line: string }
export type ExportPart = (typeof parts)[number]['kind']

/** An answer stops at about so many bytes. */
const maxBytes = 3_500_000
const stride = 200

/** From a row to its line, less what is no business of who reads it. */
const line = (kind: string, row: string) =>
  `json_build_object('kind', '${kind}', 'data', ${row})::text as line`

/**
 * What a session is made of, in the order of the export. Each reads on after a place; the places of a part sort as
 * its rows do. Pages stand with their hashes and the very text that was hashed, ancestors' before its own.
 */
const parts = [
  {
    kind: 'session',
    sql: `select '1' as place, ${line('session', `to_jsonb(t) - 'tenant_id' - 'wake_at'`)} from session t where t.id = $1::text and $2::text < '1' limit $3::int`,
  },
  {
    kind: 'task',
    sql: `select t.id as place, ${line('task', `to_jsonb(t) - 'tenant_id'`)} from task t where t.session_id = $1::text and t.id > $2::text order by t.id limit $3::int`,
  },
  {
    kind: 'event_page',
    sql: `with recursive ${lineage}
      select lpad(p.first_seq::text, 18, '0') as place, '{"kind":"event_page","data":{"first_seq":' || p.first_seq || ',"last_seq":' || p.last_seq ||
        ',"hash":"' || encode(p.hash, 'hex') || '","events":' || p.page || '}}' as line
      from line l cross join lateral (
        select * from event_page where session_id = l.id and first_seq > greatest(l.after, nullif($2::text, '')::bigint)
          and first_seq <= l.upto order by first_seq limit $3::int) p
      order by p.first_seq limit $3::int`,
  },
  {
    kind: 'checkpoint',
    sql: `select lpad(t.number::text, 18, '0') as place, ${line('checkpoint', `to_jsonb(t) - 'tenant_id'`)} from checkpoint t where t.session_id = $1::text and t.number > coalesce(nullif($2::text, '')::bigint, 0) order by t.number limit $3::int`,
  },
  {
    kind: 'approval',
    sql: `select t.id as place, ${line('approval', `to_jsonb(t) - 'tenant_id'`)} from approval t where t.session_id = $1::text and t.id > $2::text order by t.id limit $3::int`,
  },
  {
    kind: 'message',
    sql: `select t.id as place, ${line('message', `to_jsonb(t) - 'tenant_id'`)} from message t where t.session_id = $1::text and t.id > $2::text order by t.id limit $3::int`,
  },
  {
    kind: 'context_version',
    sql: `select place, line from (
        select lpad(row_number() over (order by t.seq nulls first, t.scope, t.scope_id, t.key, t.version)::text, 18, '0') as place,
          ${line('context_version', `to_jsonb(t) - 'tenant_id'`)}
        from context_version t where t.session_id = $1::text) n
      where place > $2::text order by place limit $3::int`,
  },
  {
    kind: 'artifact',
    sql: `select t.id as place, ${line('artifact', `to_jsonb(t) - 'tenant_id'`)} from artifact t where t.session_id = $1::text and t.id > $2::text order by t.id limit $3::int`,
  },
] as const

/** Their places are numbers. */
const numbered: ReadonlySet<string | undefined> = new Set(['event_page', 'checkpoint', 'context_version'])

/**
 * All that is stored of a session, as lines of JSON, `{kind, data}`, up to about 4 MB. `after` is the `next` of the
 * answer before, null the beginning; `next` is null at the end. @throws not_found, invalid_input
 */
export async function exportSession(services: With, actor: Actor, session_id: string, after: string | null) {
  await readSession(services, actor, session_id)
  const [kind, place = ''] = after?.split('.') ?? []
  const first = after === null ? 0 : parts.findIndex((part) => part.kind === kind)
  // Places are ids or numbers of 18 digits, as `next` has them.
  if (
    first < 0 ||
    !/^(\d{1,18}|[a-z]{3}_\w{1,40})?$/.test(place) ||
    (numbered.has(kind) && /\D/.test(place))
  ) {
    const errors = [{ pointer: '/after', message: 'must be what an export said comes next' }]
    throw new OrchestratorError('invalid_input', 'The query is not valid: /after is no place of an export.', {
      errors,
    })
  }
  const lines: string[] = []
  let bytes = 0
  for (const part of parts.slice(first)) {
    let from: string | null = part.kind === kind ? place : ''
    while (from !== null) {
      const rows: Row[] = await services.database.query<Row>(actor.tenant_id, {
        name: `export_${part.kind}`,
        text: part.sql,
        values: [session_id, from, stride],
      })
      for (const row of rows) {
        bytes += Buffer.byteLength(row.line) + 1
        if (bytes > maxBytes && lines.length > 0) return { lines, next: `${part.kind}.${from}` }
        lines.push(row.line)
        from = row.place
      }
      if (rows.length < stride) from = null
    }
  }
  return { lines, next: null }
}
