import * as z from 'zod'
import type { Actor } from '#core/actor'
import { type Agent, freeSlots } from '#core/agent/agent'
import type { Services } from '#core/services'

export const CapabilityLoad = z.object({
  capability: z.string(),
  /** ONLINE agents that have it, their slots, how many of these are taken, and how many can be taken now. */
  agents: z.int(),
  capacity: z.int(),
  active: z.int(),
  free: z.int(),
  /** Of running sessions: tasks that wait for an agent now, and since when the oldest does. */
  waiting: z.int(),
  oldest_at: z.string().meta({ format: 'date-time' }).nullable(),
  /** Tasks in the hands of agents, and tasks whose turn has not come. */
  held: z.int(),
  blocked: z.int(),
})
export type CapabilityLoad = z.infer<typeof CapabilityLoad>

/** At most so many are told, those that tasks wait for first; and so many agents are looked at. */
const mostCapabilities = 50
const mostAgents = 5_000

type Wanted = Pick<CapabilityLoad, 'capability' | 'waiting' | 'oldest_at' | 'held' | 'blocked'>
type Able = Pick<Agent, 'capabilities' | 'capacity' | 'active' | 'recent'>

/** Open tasks of running sessions by capability; indexes: session_state, task_session_id_key_key. */
const wantedSql = /* sql */ `
with open as (
  select t.capability, t.state, t.ready_at, coalesce(t.not_before <= now(), true) as due
  from session s join task t on t.session_id = s.id
  where s.state = 'RUNNING' and t.state not in ('COMPLETED', 'FAILED', 'CANCELLED')
)
select capability,
  (count(*) filter (where state = 'READY' and due))::int as waiting,
  min(ready_at) filter (where state = 'READY' and due) as oldest_at,
  (count(*) filter (where state in ('ASSIGNED', 'RUNNING', 'AWAITING_INPUT')))::int as held,
  (count(*) filter (where state in ('BLOCKED', 'WAITING_CHILDREN') or (state = 'READY' and not due)))::int as blocked
from open group by capability`

/** What the fleet can do against what is asked of it, by capability. */
export async function readCapabilities(
  services: Pick<Services, 'database'>,
  actor: Actor,
): Promise<CapabilityLoad[]> {
  const { database } = services
  const [wanted, agents] = await Promise.all([
    database.query<Wanted>(actor.tenant_id, { name: 'wanted_capabilities', text: wantedSql, values: [] }),
    database.query<Able>(actor.tenant_id, {
      name: 'able_agents',
      text: `select capabilities, capacity, active, recent from agent where state = 'ONLINE' limit ${mostAgents}`,
      values: [],
    }),
  ])
  return loadsOf(wanted, agents)
}

/** Both sides together; those that tasks wait for first, then by name. */
export function loadsOf(wanted: readonly Wanted[], agents: readonly Able[]): CapabilityLoad[] {
  const loads = new Map(wanted.map((one) => [one.capability, { ...one, ...nobody }]))
  for (const agent of agents) {
    for (const capability of agent.capabilities) {
      const load = loads.get(capability) ?? { capability, ...nothing, ...nobody }
      load.agents += 1
      load.capacity += agent.capacity
      load.active += agent.active
      load.free += freeSlots(agent)
      loads.set(capability, load)
    }
  }
  return [...loads.values()]
    .sort((a, b) => b.waiting - a.waiting || (a.capability < b.capability ? -1 : 1))
    .slice(0, mostCapabilities)
}

const nobody = { agents: 0, capacity: 0, active: 0, free: 0 }
const nothing = { waiting: 0, oldest_at: null, held: 0, blocked: 0 }
