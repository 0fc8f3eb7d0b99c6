import { type Agent, freeSlots } from '#core/agent/agent'
import { type Priority, priorities } from '#core/priority'
import type { Session } from '#core/session/session'
import type { Task } from '#core/task/task'

/** An agent with the slots that this decision has left of it. */
export type Candidate<A = Agent> = { agent: A; free: number }

/** What tells whether an agent could take a task at all. */
type Able = Pick<Agent, 'state' | 'capabilities' | 'labels' | 'capacity' | 'active' | 'recent'>
type Wanted = Pick<Task, 'capability'>

export type Score = {
  agent_id: string
  name: string
  score: number
  success: number
  load: number
  affinity: number
}

/** Waiting this long raises a task by one priority, so that LOW is never starved. */
const agingMs = 5 * 60_000

/** Tasks in the order in which they are offered: priority raised by age, then age. */
export function inOrder(tasks: Task[], now: string) {
  const rank = ({ priority, ready_at }: { priority: Priority; ready_at: string | null }) =>
    priorities.indexOf(priority) + (ready_at ? (Date.parse(now) - Date.parse(ready_at)) / agingMs : 0)
  return tasks
    .map((task) => ({ task, rank: rank(task) }))
    .sort((a, b) => b.rank - a.rank || (a.task.id < b.task.id ? -1 : 1))
}

export function candidatesOf<A extends Able>(agents: readonly A[]): Candidate<A>[] {
  return agents.filter(({ state }) => state === 'ONLINE').map((agent) => ({ agent, free: freeSlots(agent) }))
}

/** The labels that a session asks of its agents: those of its own that begin with `agent:`. */
function labelsOf({ labels }: Pick<Session, 'labels'>) {
  return labels.flatMap((label) => (label.startsWith('agent:') ? [label.slice(6)] : []))
}

/** Who could take it at all, whether free or not. */
export function able<A extends Able>(
  candidates: Candidate<A>[],
  task: Wanted,
  session: Pick<Session, 'labels'>,
) {
  const labels = labelsOf(session)
  return candidates.filter(
    ({ agent }) =>
      agent.capabilities.includes(task.capability) && labels.every((label) => agent.labels.includes(label)),
  )
}

/** The best of those that are free; not the one that just failed it, when another could take it. */
export function route(eligible: Candidate[], task: Task, session: Session) {
  const others = eligible.filter(({ agent }) => agent.id !== task.failed_agent_id)
  const choice = others.length > 0 ? others : eligible
  const scores = choice.filter(({ free }) => free > 0).map((candidate) => scoreOf(candidate, session))
  scores.sort((a, b) => b.score - a.score || (a.agent_id < b.agent_id ? -1 : 1))
  return { best: scores[0] ?? null, scores }
}

/**
 * Proven success counts most, then free load, then affinity. The prior (3 of 4) lets newcomers be tried
 * without letting them win over an agent that has proved itself.
 */
function scoreOf({ agent, free }: Candidate, session: Session): Score {
  const good = [...agent.recent].filter((mark) => mark === '1').length
  const success = (good + 3) / (agent.recent.length + 4)
  const load = 1 - free / agent.capacity
  const holds = session.repository !== null && agent.repositories.includes(session.repository.url)
  const affinity = holds ? 1 : 0
  const score = 0.5 * success + 0.35 * (1 - load) + 0.15 * affinity
  const round = (value: number) => Math.round(value * 1000) / 1000
  return {
    agent_id: agent.id,
    name: agent.name,
    score: round(score),
    success: round(success),
    load: round(load),
    affinity,
  }
}

/** Why nobody takes a task, in words that a person can act on. */
export function whyNobody(
  candidates: Candidate<Able>[],
  eligible: Candidate<Able>[],
  task: Wanted,
  session: Pick<Session, 'labels'>,
) {
  const { capability } = task
  const labels = labelsOf(session)
  const needs = labels.length === 0 ? capability : `${capability} and the label ${labels.join(', ')}`
  if (eligible.length > 0) {
    const busy = `all ${eligible.length} agents that have it are busy`
    return { reason: 'agents_busy', sentence: `Waits for a free agent with ${needs}: ${busy}.` }
  }
  const online = candidates.length === 1 ? '1 online agent' : `${candidates.length} online agents`
  const none = candidates.length === 0 ? 'no agent is online' : `none of ${online} has it`
  const options = labels.map((label) => ` --label ${label}`).join('')
  const remedy = `Start one with: npx orchestrator agent start --capabilities ${capability}${options}`
  return { reason: 'no_agent', sentence: `Waits for an agent with ${needs}: ${none}. ${remedy}` }
}
