import { wellKnownCapabilities } from '#core/capabilities'
import type { Agent, Task } from '../../api/types.ts'

export type Coverage = {
  capability: string
  /** Agents that have it and take work now. */
  online: Agent[]
  /** Free slots among those. */
  free: number
  /** Tasks that are READY for it. */
  waiting: number
  /** `gap`: nobody online has it; `busy`: tasks wait and nobody is free. */
  standing: 'gap' | 'busy' | 'covered'
}

/** An agent on probation takes one task at a time. */
export function freeSlotsOf({ state, tier, capacity, active }: Agent) {
  if (state !== 'ONLINE') return 0
  return Math.max(0, (tier === 'PROBATION' ? 1 : capacity) - active)
}

/**
 * What the fleet can do: every capability that is well known, that an agent has, or that a task asks for; those
 * that keep work waiting first.
 */
export function coverageOf(agents: readonly Agent[], ready: readonly Pick<Task, 'capability'>[]): Coverage[] {
  const capabilities = new Set<string>(wellKnownCapabilities)
  for (const agent of agents) for (const one of agent.capabilities) capabilities.add(one)
  for (const { capability } of ready) capabilities.add(capability)
  const rows = [...capabilities].map((capability): Coverage => {
    const online = agents.filter(
      (agent) => agent.state === 'ONLINE' && agent.capabilities.includes(capability),
    )
    const free = online.reduce((sum, agent) => sum + freeSlotsOf(agent), 0)
    const waiting = ready.filter((task) => task.capability === capability).length
    const standing = online.length === 0 ? 'gap' : waiting > 0 && free === 0 ? 'busy' : 'covered'
    return { capability, online, free, waiting, standing }
  })
  const urgency = ({ standing, waiting }: Coverage) =>
    (standing === 'gap' ? (waiting > 0 ? 3 : 1) : standing === 'busy' ? 2 : 0) * 1_000 + waiting
  return rows.toSorted((a, b) => urgency(b) - urgency(a))
}

/** The command that starts an agent on the reader's machine. */
export function startCommand(api: string, name: string, capabilities: readonly string[]) {
  const isUsual = /^https?:\/\/(localhost|127\.0\.0\.1):8000\/api\/v1$/.test(api)
  const address = isUsual ? '' : ` --api ${api}`
  const chosen = capabilities.length === 0 ? '' : ` --capabilities ${capabilities.join(',')}`
  return `npx orchestrator${address} agent start --name ${name}${chosen}`
}

/** The figures that a tier stands on: the last 50 finished attempts. */
export function tierFigures({ finished, success_rate }: Pick<Agent, 'finished' | 'success_rate'>) {
  const counted = Math.min(50, finished)
  if (success_rate === null || counted === 0) return null
  return { counted, succeeded: Math.round(success_rate * counted) }
}
