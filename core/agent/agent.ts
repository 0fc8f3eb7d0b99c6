import type { AgentState } from './states.ts'
import type { Engine } from './wire.ts'

/** An agent as it is stored, but for its token's hash. */
export type Agent = {
  tenant_id: string
  id: string
  name: string
  engine: Engine
  capabilities: string[]
  capacity: number
  labels: string[]
  state: AgentState
  /** Slots reserved by tasks that it holds. */
  active: number
  /** Counts registrations: what an earlier process of that name held is lost. */
  incarnation: number
  finished: number
  succeeded: number
  /** The last 50 finished attempts, oldest first: 1 for a success, 0 for a failure. */
  recent: string
  repositories: string[]
  registered_at: string
  last_heartbeat_at: string
}

export type Tier = 'ELITE' | 'STANDARD' | 'PROBATION'

/** Tier by the last 50 finished attempts (domain.md, "Agent"). */
export function tierOf(recent: string): Tier {
  if (recent.length < 5) return 'STANDARD'
  const success = [...recent].filter((mark) => mark === '1').length / recent.length
  if (success >= 0.95 && recent.length >= 20) return 'ELITE'
  return success < 0.7 ? 'PROBATION' : 'STANDARD'
}

/** What an agent can still take: one task at a time while on probation. */
export function freeSlots(agent: Pick<Agent, 'capacity' | 'active' | 'recent'>) {
  const capacity = tierOf(agent.recent) === 'PROBATION' ? 1 : agent.capacity
  return Math.max(0, capacity - agent.active)
}
