import type { Actor } from '#core/actor'
import { OrchestratorError } from '#core/error'
import { channelOf } from '#core/live/channel'
import type { Services } from '#core/services'
import { readTenant } from './read.ts'
import type { TenantPatch } from './tenant.ts'
import { tokensReason } from './tokens.ts'

/** Sessions that one change wakes by message; the sweep comes for the others. */
const wokenAtOnce = 500

/**
 * Changes a tenant's name or quotas, and lets go on what may now. Lowered, a quota takes nothing from what runs: it
 * lets in nobody new. `expected` is the version that the change is based on, or null.
 * @throws precondition_failed
 */
export async function updateTenant(
  services: Services,
  actor: Actor,
  patch: TenantPatch,
  expected: number | null,
) {
  const { tenant_id } = actor
  const { rows, woken } = await services.database.transaction(tenant_id, async (query) => ({
    rows: await query({
      name: 'update_tenant',
      text: /* sql */ `
        update tenant t set version = t.version + 1, wake_at = now(), name = coalesce(p.name, t.name),
          max_running_sessions = coalesce(p.max_running_sessions, t.max_running_sessions),
          max_agents = coalesce(p.max_agents, t.max_agents),
          max_tokens_per_day = case when $2::jsonb ? 'max_tokens_per_day'
            then p.max_tokens_per_day else t.max_tokens_per_day end,
          max_requests_per_second = case when $2::jsonb ? 'max_requests_per_second'
            then p.max_requests_per_second else t.max_requests_per_second end
        from jsonb_to_record($2::jsonb) as p(name text, max_running_sessions int, max_agents int,
          max_tokens_per_day bigint, max_requests_per_second int)
        where t.id = $1::text and ($3::bigint is null or t.version = $3::bigint)
        returning t.id`,
      values: [tenant_id, JSON.stringify(patch), expected],
    }),
    woken: await query<{ id: string }>({
      name: 'wake_paused_by_tokens',
      // Index: session_state.
      text: /* sql */ `
        update session set version = version + 1, wake_at = now()
        where tenant_id = $1::text and state = 'PAUSED' and waiting->>'reason' = $2::text
          and $3::boolean and tokens_until($1::text) is null
        returning id`,
      values: [tenant_id, tokensReason, 'max_tokens_per_day' in patch],
    }),
  }))
  const tenant = await readTenant(services, actor)
  if (rows.length === 0) throw moved(tenant.version)
  await services.bells.ring([channelOf.fleet(tenant_id)])
  await services.wake([
    { kind: 'tenant', tenant_id },
    ...woken.slice(0, wokenAtOnce).map(({ id }) => ({ kind: 'session' as const, tenant_id, session_id: id })),
  ])
  return tenant
}

function moved(version: number) {
  const message = `The tenant is at version ${version} by now; read it again.`
  return new OrchestratorError('precondition_failed', message, { details: { version } })
}
