import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import type { Tenant } from './tenant.ts'

/** The actor's tenant: what it may use and what it uses; indexes: session_state, agent_tenant_id_name_key. @throws not_found */
export async function readTenant({ database }: Pick<Services, 'database'>, { tenant_id }: Actor) {
  const [tenant] = await database.query<Tenant>(tenant_id, {
    name: 'read_tenant',
    text: /* sql */ `
      select t.id, t.name, t.version, t.max_running_sessions, t.max_agents, t.max_tokens_per_day,
        t.max_requests_per_second, t.created_at, json_build_object(
          'running_sessions',
            (select count(*) from session where tenant_id = t.id and state in ('RUNNING', 'PAUSING')),
          'queued_sessions', (select count(*) from session where tenant_id = t.id and state = 'QUEUED'),
          'agents', (select count(*) from agent where tenant_id = t.id),
          'tokens_today', tokens_today(t.id),
          'day_ends_at', to_char(date_trunc('day', now() at time zone 'UTC') + interval '1 day',
                                 'YYYY-MM-DD"T"HH24:MI:SS.000"Z"')) as usage
      from tenant t where t.id = $1::text`,
    values: [tenant_id],
  })
  if (!tenant) throw notFound('tenant', tenant_id)
  return tenant
}
