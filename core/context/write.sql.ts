import type { Statement } from '#core/database/database'
import type { ContextStrategy, Place } from './entry.ts'
import type { Json } from './json.ts'
import type { Conflict } from './merge.ts'

/** Writes of one place take turns: at its session's row, whose log they append to, or at a lock of the GLOBAL entry. */
export function lockStatement(tenant_id: string, { scope, id }: Place, key: string): Statement {
  if (scope === 'GLOBAL') {
    const text = `select pg_advisory_xact_lock(hashtextextended('context ' || $1::text || ' ' || $2::text, 0))`
    return { name: 'lock_context_global', text, values: [tenant_id, key] }
  }
  const where = scope === 'TASK' ? '(select session_id from task where id = $1::text)' : '$1::text'
  return {
    name: `lock_context_${scope.toLowerCase()}`,
    text: `select id from session where id = ${where} for update`,
    values: [id],
  }
}

export type Stored = {
  version: number
  value: Json
  deleted: boolean
  strategy: ContextStrategy
}

export type KnownEntry = { now: string; session_id: string | null; head: Stored | null; base: Stored | null }

const stored = (alias: string) =>
  `json_build_object('version', ${alias}.version, 'value', ${alias}.value, 'deleted', ${alias}.deleted, 'strategy', ${alias}.strategy)`

const sessionOf = {
  GLOBAL: 'null::text',
  SESSION: '$2::text',
  TASK: '(select session_id from task where id = $2::text)',
}

/** An entry's latest version, and the one that a write is based on; index: context_version_pkey. */
export function knownStatement({ scope, id }: Place, key: string, based_on: number | null): Statement {
  return {
    name: `known_context_${scope.toLowerCase()}`,
    text: /* sql */ `
      select clock_timestamp() as now, ${sessionOf[scope]} as session_id,
        (select ${stored('v')} from context_version v
         where v.scope = $1::text and v.scope_id = $2::text and v.key = $3::text
         order by v.version desc limit 1) as head,
        (select ${stored('v')} from context_version v
         where v.scope = $1::text and v.scope_id = $2::text and v.key = $3::text and v.version = $4::int) as base`,
    values: [scope, id, key, based_on],
  }
}

export type NewVersion = Stored & {
  author: string
  based_on: number
  conflicts: Conflict[]
  size: number
}

export type Write = {
  tenant_id: string
  place: Place
  key: string
  session_id: string | null
  page: string | null
  count: number
  version: NewVersion | null
}

/** Stores a version and appends its events, in one statement; the session's row is locked already. */
export function storeStatement({
  tenant_id,
  place,
  key,
  session_id,
  page,
  count,
  version,
}: Write): Statement {
  const row = version && {
    ...version,
    value: null,
    tenant_id,
    scope: place.scope,
    scope_id: place.id,
    key,
    session_id,
  }
  const value = version && !version.deleted ? JSON.stringify(version.value) : null
  return {
    name: 'store_context',
    text: /* sql */ `
      with logged as (
        update session s set last_seq = s.last_seq + $3::int, updated_at = now(),
          head_hash = sha256(s.head_hash || convert_to((s.last_seq + 1)::text || chr(10) || $2::text, 'UTF8'))
        where s.id = $1::text and $3::int > 0 returning s.tenant_id, s.id, s.last_seq, s.head_hash
      ),
      paged as (
        insert into event_page (tenant_id, session_id, first_seq, last_seq, hash, page)
        select tenant_id, id, last_seq - $3::int + 1, last_seq, head_hash, $2::text from logged
      ),
      made as (
        insert into context_version (tenant_id, scope, scope_id, key, version, session_id, value, deleted, strategy,
                                     author, based_on, conflicts, size, seq)
        select r.tenant_id, r.scope, r.scope_id, r.key, r.version, r.session_id, $5::json, r.deleted, r.strategy,
               r.author, r.based_on, r.conflicts, r.size, (select last_seq from logged)
        from json_to_recordset($4::json) as r(
          tenant_id text, scope text, scope_id text, key text, version int, session_id text, deleted boolean,
          strategy text, author text, based_on int, conflicts json, size int)
        returning *
      )
      insert into context (tenant_id, scope, scope_id, key, session_id, version, deleted)
      select tenant_id, scope, scope_id, key, session_id, version, deleted from made
      on conflict (tenant_id, scope, scope_id, key) do update
        set version = excluded.version, deleted = excluded.deleted`,
    values: [session_id, page, count, JSON.stringify(row ? [row] : []), value],
  }
}
