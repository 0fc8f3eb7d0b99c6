import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import { type Agent, goodOf, type Tier, tierOf } from './agent.ts'

export type AgentView = Omit<Agent, 'tenant_id' | 'recent' | 'proven' | 'incarnation'> & {
  tier: Tier
  /** Reserved slots over capacity, 0 to 1. */
  load: number
  /** Of its last 50 finished attempts; null when there is none. */
  success_rate: number | null
  /** The same of each capability that it has finished an attempt of. */
  success_rates: Record<string, number>
}

export const agentColumns =
  'a.tenant_id, a.id, a.name, a.engine, a.capabilities, a.capacity, a.labels, a.state, a.active, a.incarnation, ' +
  'a.finished, a.succeeded, a.recent, a.proven, a.repositories, a.registered_at, a.last_heartbeat_at'

export function toView({
  tenant_id: _tenant,
  recent,
  proven,
  incarnation: _incarnation,
  ...agent
}: Agent): AgentView {
  const rateOf = (marks: string) => goodOf(marks) / marks.length
  return {
    ...agent,
    tier: tierOf(recent),
    load: agent.active / agent.capacity,
    success_rate: recent.length === 0 ? null : rateOf(recent),
    success_rates: Object.fromEntries(Object.entries(proven).map(([name, marks]) => [name, rateOf(marks)])),
  }
}

/** A heartbeat is written once a minute; presence knows the last one. */
async function withHeartbeats(
  services: Pick<Services, 'presence'>,
  { tenant_id }: Actor,
  views: AgentView[],
  now = Date.now(),
): Promise<AgentView[]> {
  const heard = await services.presence.heard(views.map(({ id }) => ({ tenant_id, id })))
  return views.map((view) => {
    const at = now - (heard.get(view.id) ?? Number.POSITIVE_INFINITY)
    return at > Date.parse(view.last_heartbeat_at)
      ? { ...view, last_heartbeat_at: new Date(at).toISOString() }
      : view
  })
}

/** One agent. @throws not_found */
export async function readAgent(services: Pick<Services, 'database' | 'presence'>, actor: Actor, id: string) {
  const [row] = await services.database.query<Agent>(actor.tenant_id, {
    name: 'read_agent',
    text: `select ${agentColumns} from agent a where a.id = $1::text`,
    values: [id],
  })
  const [view] = await withHeartbeats(services, actor, row ? [toView(row)] : [])
  if (!view) throw notFound('agent', id)
  return view
}

export type AgentFilter = {
  state: string | null
  capability: string | null
  limit: number
  after: string | null
}

/** Agents in the order of their names, each with its last heartbeat; the cursor is the last name. */
export async function listAgents(
  services: Pick<Services, 'database' | 'presence'>,
  actor: Actor,
  filter: AgentFilter,
) {
  const { items, next_cursor } = await agentsByName(services, actor, filter)
  return { items: await withHeartbeats(services, actor, items), next_cursor }
}

/** The same as Postgres knows them; index: agent_tenant_id_name_key. */
export async function agentsByName(services: Pick<Services, 'database'>, actor: Actor, filter: AgentFilter) {
  const rows = await services.database.query<Agent>(actor.tenant_id, {
    name: 'list_agents',
    text: /* sql */ `
      select ${agentColumns} from agent a
      where ($1::text is null or a.state = $1::text) and ($2::text is null or $2::text = any(a.capabilities))
        and ($3::text is null or a.name > $3::text)
      order by a.name limit $4::int + 1`,
    values: [filter.state, filter.capability, filter.after, filter.limit],
  })
  const items = rows.slice(0, filter.limit).map(toView)
  return { items, next_cursor: rows.length > filter.limit ? (items.at(-1)?.name ?? null) : null }
}
