import type { Actor } from '#core/actor'
import { newId } from '#core/id'
import type { Services } from '#core/services'
import type { AuditEntry } from './entry.ts'

export type NewAuditEntry = Omit<AuditEntry, 'id' | 'at' | 'actor'>

/** Writes down who did what. It belongs into the transaction of what was done: then neither is there without the other. */
export async function recordAudit(services: Pick<Services, 'database'>, actor: Actor, entry: NewAuditEntry) {
  const { action, resource, ip, user_agent, request_id, detail } = entry
  const { kind, id, name } = actorOf(actor)
  await services.database.query(actor.tenant_id, {
    name: 'record_audit',
    text: /* sql */ `
      insert into audit (tenant_id, id, actor_kind, actor_id, actor_name, action, resource_kind, resource_id, ip,
                         user_agent, request_id, detail)
      values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::text,
              $11::text, $12::json)`,
    values: [
      ...[actor.tenant_id, newId('audit'), kind, id, name, action, resource.kind, resource.id],
      ...[ip, user_agent, request_id, JSON.stringify(detail)],
    ],
  })
}

function actorOf(actor: Actor): AuditEntry['actor'] {
  switch (actor.kind) {
    case 'agent':
      return { kind: actor.kind, id: actor.agent_id, name: null }
    case 'operator':
      return { kind: actor.kind, id: actor.who.key_id, name: actor.who.name }
    case 'system':
      return { kind: actor.kind, id: null, name: null }
  }
}
