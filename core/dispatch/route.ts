import { type Agent, freeSlots, goodOf, successOf } from '#core/agent/agent'
import { requiredLabel } from '#core/agent/wire'
import { turnOf } from '#core/priority'
import type { Session } from '#core/session/session'
import type { Task } from '#core/task/task'

/** An agent with the slots that this decision has left of it. */
export type Candidate<A = Agent> = { agent: A; free: number }

/** What tells whether an agent could take a task at all. */
type Able = Pick<Agent, 'name' | 'state' | 'capabilities' | 'labels' | 'capacity' | 'active' | 'recent'>
type Wanted = Pick<Task, 'capability'>

export type Score = {
  agent_id: string
  name: string
  score: number
  success: number
  load: number
  affinity: number
}

/** Candidates that an assignment's event names: the best of them, so that a page stays small. */
const namedCandidates = 3
/** Agents that a reason names. */
const namedAgents = 3

/** Tasks in the order in which they are offered: priority raised by age, then age. */
export function inOrder(tasks: Task[]) {
  return tasks
    .map((task) => ({ task, turn: turnOf(task.priority, task.ready_at) }))
    .sort((a, b) => a.turn - b.turn || (a.task.id < b.task.id ? -1 : 1))
    .map(({ task }) => task)
}

export function candidatesOf<A extends Able>(agents: readonly A[]): Candidate<A>[] {
  return agents.filter(({ state }) => state === 'ONLINE').map((agent) => ({ agent, free: freeSlots(agent) }))
}

/** The labels that a session asks of its agents. */
function labelsOf({ labels }: Pick<Session, 'labels'>) {
  return labels.flatMap((label) => requiredLabel(label) ?? [])
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

/** An agent that could take a task, and what speaks for it, however busy it is. */
export type Choice = { candidate: Candidate; success: number; holds: boolean; worth: number }

/**
 * Who could take a task, by id; each is looked at once for all tasks of one decision that ask for the same.
 * Proven success counts most, then free load, then affinity.
 */
export function chooser(candidates: Candidate[]) {
  const inOrder = candidates.toSorted((a, b) => (a.agent.id < b.agent.id ? -1 : 1))
  const known = new Map<string, Choice[]>()
  return ({ capability }: Wanted, session: Pick<Session, 'labels' | 'repository'>) => {
    const repository = session.repository?.url ?? ''
    const asked = [capability, repository, ...labelsOf(session)].join('\n')
    const choices =
      known.get(asked) ??
      able(inOrder, { capability }, session).map((candidate) => {
        const success = successOf(candidate.agent, capability)
        const holds = candidate.agent.repositories.includes(repository)
        return { candidate, success, holds, worth: weights.success * success + (holds ? weights.near : 0) }
      })
    known.set(asked, choices)
    return choices
  }
}

/** `near` counts twice: for the repository, and for what the task depends on. */
const weights = { success: 0.5, free: 0.35, near: 0.075 }

/** Agents that did what a task depends on, and those that have a slot more for it than for others. */
export type Near = { doers: ReadonlySet<string>; kept?: ReadonlyMap<string, unknown> }

/**
 * The best of those that are free; not the one that just failed it, when another could take it.
 * @returns the best and why, the best few with their scores, and how many were free
 */
export function route(choices: readonly Choice[], task: Task, { doers, kept }: Near) {
  const failed = task.failed_agent_id
  const avoid = failed !== null && choices.some(({ candidate }) => candidate.agent.id !== failed)
  const best: Rated[] = []
  let candidates_free = 0
  // Every task meets every agent here: nothing is made in this loop but for those that are named.
  for (const choice of choices) {
    const { agent } = choice.candidate
    const free = choice.candidate.free + (kept?.has(agent.id) ? 1 : 0)
    if (free === 0 || (avoid && agent.id === failed)) continue
    candidates_free += 1
    const did = doers.size > 0 && doers.has(agent.id)
    const score = choice.worth + (weights.free * free) / agent.capacity + (did ? weights.near : 0)
    const last = best[namedCandidates - 1]
    if (last && score <= last.score) continue
    insert(best, { choice, did, free, score })
  }
  const [first] = best
  if (!first) return null
  const event = { candidates: best.map(scoreOf), candidates_free, why: whyThis(first, task) }
  return { candidate: first.choice.candidate, event }
}

type Rated = { choice: Choice; did: boolean; free: number; score: number }

function insert(best: Rated[], rated: Rated) {
  const place = best.findIndex(({ score }) => rated.score > score)
  best.splice(place < 0 ? best.length : place, 0, rated)
  if (best.length > namedCandidates) best.pop()
}

function scoreOf({ choice, did, free, score }: Rated): Score {
  const { candidate, success, holds } = choice
  const { agent } = candidate
  return {
    agent_id: agent.id,
    name: agent.name,
    score: rounded(score),
    success: rounded(success),
    load: rounded(1 - free / agent.capacity),
    affinity: (holds ? 0.5 : 0) + (did ? 0.5 : 0),
  }
}

const rounded = (value: number) => Math.round(value * 1000) / 1000

/** What speaks for the one that was chosen. */
function whyThis({ choice, did, free }: Rated, { capability }: Wanted) {
  const { agent } = choice.candidate
  const marks = agent.proven[capability] ?? ''
  const proof =
    marks === ''
      ? `new to ${capability}`
      : `${goodOf(marks)} of its last ${marks.length} ${capability} succeeded`
  const slots = `${free} of ${agent.capacity} slots free`
  const near = [...(choice.holds ? ['holds the repository'] : []), ...(did ? ['did what it depends on'] : [])]
  return [proof, slots, ...near].join(', ')
}

/** Why nobody takes a task, in words that a person can act on. */
export function whyNobody(
  candidates: Candidate<Able>[],
  eligible: readonly unknown[],
  task: Wanted,
  session: Pick<Session, 'labels'>,
) {
  const { capability } = task
  const labels = labelsOf(session)
  const needs = labels.length === 0 ? capability : `${capability} and the label ${labels.join(', ')}`
  if (eligible.length > 0) {
    const busy =
      eligible.length === 1 ? 'the one that has it is busy' : `all ${eligible.length} that have it are busy`
    return { reason: 'agents_busy', sentence: `Waits for a free agent with ${needs}: ${busy}.` }
  }
  const options = labels.map((label) => ` --label ${label}`).join('')
  const remedy = `Start one with: npx orchestrator agent start --capabilities ${capability}${options}`
  const none = whoLacks(candidates, capability)
  return { reason: 'no_agent', sentence: `Waits for an agent with ${needs}: ${none}. ${remedy}` }
}

function whoLacks(candidates: Candidate<Able>[], capability: string) {
  if (candidates.length === 0) return 'no agent is online'
  const near = candidates.filter(({ agent }) => agent.capabilities.includes(capability))
  const online = candidates.length === 1 ? '1 online agent' : `${candidates.length} online agents`
  if (near.length === 0) return `none of ${online} has it`
  const names = near.slice(0, namedAgents).map(({ agent }) => agent.name)
  const more = near.length > namedAgents ? ` and ${near.length - namedAgents} more` : ''
  return `${names.join(', ')}${more} could do it but for the label`
}
