import type { Actor } from '#core/actor'
import type { Services } from '#core/services'
import type { AuditEntry } from './entry.ts'

export type AuditFilter = {
  /** The id of a key or an agent, or a kind of actor. */
  actor: string | null
  action: string | null
  /** The id of what it is about. */
  resource: string | null
  /** From this time on, and before that one (RFC 3339). */
  since: string | null
  until: string | null
  limit: number
  before: string | null
}

/** Mutations of the actor's tenant, newest first; indexes: audit_pkey, audit_resource. The cursor is the last id. */
export async function listAudit(
  services: Pick<Services, 'database'>,
  { tenant_id }: Actor,
  filter: AuditFilter,
) {
  const { actor, action, resource, since, until, before, limit } = filter
  const rows = await services.database.query<AuditEntry>(tenant_id, {
    name: 'list_audit',
    text: /* sql */ `
      select id, at, json_build_object('kind', actor_kind, 'id', actor_id, 'name', actor_name) as actor, action,
        json_build_object('kind', resource_kind, 'id', resource_id) as resource, ip, user_agent, request_id, detail
      from audit
      where tenant_id = $1::text
        and ($2::text is null or actor_id = $2::text or actor_kind = $2::text)
        and ($3::text is null or action = $3::text)
        and ($4::text is null or resource_id = $4::text)
        and ($5::timestamptz is null or at >= $5::timestamptz)
        and ($6::timestamptz is null or at < $6::timestamptz)
        and ($7::text is null or id < $7::text)
      order by id desc limit $8::int + 1`,
    values: [tenant_id, actor, action, resource, since, until, before, limit],
  })
  const items = rows.slice(0, limit)
  return { items, next_cursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}
