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
  /** The same of each capability: what it has proved to be good at. */
  proven: Record<string, string>
  repositories: string[]
  registered_at: string
  last_heartbeat_at: string
}

export type Tier = 'ELITE' | 'STANDARD' | 'PROBATION'

/** Tier by the last 50 finished attempts (domain.md, "Agent"). */
export function tierOf(recent: string): Tier {
  if (recent.length < 5) return 'STANDARD'
  const success = goodOf(recent) / recent.length
  if (success >= 0.95 && recent.length >= 20) return 'ELITE'
  return success < 0.7 ? 'PROBATION' : 'STANDARD'
}

/** How many of some attempts succeeded. */
export function goodOf(marks: string) {
  let good = 0
  for (let i = 0; i < marks.length; i++) if (marks[i] === '1') good += 1
  return good
}

/**
 * What to expect of an agent at a capability, 0 to 1. The prior (3 of 4) lets newcomers be tried without letting
 * them win over an agent that has proved itself.
 */
export function successOf({ proven }: Pick<Agent, 'proven'>, capability: string) {
  const marks = proven[capability] ?? ''
  return (goodOf(marks) + 3) / (marks.length + 4)
}

/** What an agent can still take: one task at a time while on probation. */
export function freeSlots(agent: Pick<Agent, 'capacity' | 'active' | 'recent'>) {
  const capacity = tierOf(agent.recent) === 'PROBATION' ? 1 : agent.capacity
  return Math.max(0, capacity - agent.active)
}
