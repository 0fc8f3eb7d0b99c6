import { createHash, randomBytes } from 'node:crypto'
import type { Actor } from '#core/actor'
import { OrchestratorError } from '#core/error'
import { newId } from '#core/id'
import { channelOf } from '#core/live/channel'
import type { Services } from '#core/services'
import { readTenant } from '#core/tenant/read'
import type { Agent } from './agent.ts'
import { type AgentView, agentColumns, toView } from './read.ts'
import type { Register } from './wire.ts'

/** Only the hash of a token is kept. SHA-256 is enough: the token is 256 random bits, not a password. */
export function hashToken(token: string) {
  return createHash('sha256').update(token).digest()
}

/** A name that is known is taken over: its token dies, and the sessions of what it held are looked at now. */
const registerSql = /* sql */ `
with seat as materialized (
  -- First of all: tenants are locked before sessions. Who takes a name over needs no place.
  select case when exists (select from agent where tenant_id = $1::text and name = $3::text) then 1
    else free_agents($1::text) end as free
),
touched as materialized (
  select s.id from session s
  where (select free from seat) > 0 and s.id in (select t.session_id from task t join agent a on a.id = t.agent_id
                 where a.tenant_id = $1::text and a.name = $3::text and t.state in ('ASSIGNED', 'RUNNING', 'AWAITING_INPUT'))
  order by s.id for update
),
registered as (
  insert into agent as a (tenant_id, id, name, engine, capabilities, capacity, labels, state, token_hash)
  select $1::text, $2::text, $3::text, $4::json, $5::text[], $6::int, $7::text[], 'ONLINE', $8::bytea
  where (select count(*) from touched) >= 0 and (select free from seat) > 0
  on conflict (tenant_id, name) do update set
    engine = excluded.engine, capabilities = excluded.capabilities, capacity = excluded.capacity,
    -- What it no longer offers it has not proved: so the column is bounded as capabilities are.
    proven = (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(a.proven)
              where key = any(excluded.capabilities)),
    labels = excluded.labels, state = 'ONLINE', token_hash = excluded.token_hash, incarnation = a.incarnation + 1,
    registered_at = now(), last_heartbeat_at = now()
  returning ${agentColumns}
),
woken as (update session s set version = s.version + 1, wake_at = now() from touched t where s.id = t.id returning s.id),
emptied as (delete from inbox i using agent a where a.tenant_id = $1::text and a.name = $3::text and i.agent_id = a.id),
watched as (update tenant set wake_at = now() where id = $1::text)
select r.*, (select coalesce(array_agg(id), '{}') from woken) as woken from registered r`

/** Registers an agent, or takes over the one of that name. The token is told once. @throws quota_exceeded */
export async function registerAgent(
  services: Services,
  actor: Actor,
  input: Register,
): Promise<{ agent: AgentView; token: string }> {
  const { tenant_id } = actor
  const token = `${tokenPrefix}${tenant_id.slice(4)}_${randomBytes(32).toString('base64url')}`
  const { name, engine, capabilities, capacity, labels } = input
  const [row] = await services.database.query<Agent & { woken: string[] }>(tenant_id, {
    name: 'register_agent',
    text: registerSql,
    values: [
      tenant_id,
      newId('agent'),
      name,
      JSON.stringify(engine),
      [...new Set(capabilities)],
      capacity,
      labels,
      hashToken(token),
    ],
  })
  if (!row) throw await tooMany(services, actor)
  const { woken, ...agent } = row
  await services.presence.beat({ tenant_id, id: agent.id })
  await services.bells.ring([channelOf.fleet(tenant_id)])
  await services.wake([
    ...woken.map((session_id) => ({ kind: 'session' as const, tenant_id, session_id })),
    { kind: 'tenant', tenant_id },
  ])
  return { agent: toView(agent), token }
}

async function tooMany(services: Services, actor: Actor) {
  const { max_agents } = await readTenant(services, actor)
  const message = `The tenant has its ${max_agents} agents (max_agents). Remove one that is no longer used, or let an admin raise the quota.`
  return new OrchestratorError('quota_exceeded', message, {
    details: { quota: 'max_agents', limit: max_agents },
  })
}

/** A token names its tenant, so that looking it up stays under that tenant's row-level security. */
const tokenPrefix = 'oio_agent_'
const tokenShape = /^oio_agent_([0-9A-HJKMNP-TV-Z]{26})_[A-Za-z0-9_-]{43}$/

export type TokenHolder = { id: string; tenant_id: string; rehearsal: boolean }

/** Whose token it is, or null when it is nobody's, or of a registration that was taken over. */
export async function agentOfToken(
  database: Services['database'],
  token: string,
): Promise<TokenHolder | null> {
  const tenant = tokenShape.exec(token)?.[1]
  if (!tenant) return null
  const [row] = await database.query<TokenHolder>(`ten_${tenant}`, {
    name: 'agent_of_token',
    text: `select id, tenant_id, (engine->>'rehearsal')::boolean as rehearsal from agent where token_hash = $1::bytea`,
    values: [hashToken(token)],
  })
  return row ?? null
}
