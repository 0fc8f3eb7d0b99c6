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

/** An agent that could take a task, and what speaks for it: `score` is that of `free` slots. */
export type Choice = {
  candidate: Candidate
  success: number
  holds: boolean
  worth: number
  /** Among equals the first is the best. */
  place: number
  free: number
  score: number
}

/** Who could take tasks that ask for the same, however busy they are, and those of them who are free, best first. */
export type Ranking = { members: ReadonlyMap<string, Choice>; standing: Choice[]; free: number }

/** The rankings of one decision: each is made once for all tasks that ask for the same. */
export function rankings(candidates: Candidate[]) {
  const inOrder = candidates.toSorted((a, b) => (a.agent.id < b.agent.id ? -1 : 1))
  const known = new Map<string, Ranking>()
  function of({ capability }: Wanted, session: Pick<Session, 'labels' | 'repository'>) {
    const repository = session.repository?.url ?? ''
    const asked = [capability, repository, ...labelsOf(session)].join('\n')
    const ranking = known.get(asked) ?? rank(able(inOrder, { capability }, session), capability, repository)
    known.set(asked, ranking)
    return ranking
  }
  /** Takes a slot: for whoever asks next the agent is worth less. */
  function take(candidate: Candidate) {
    candidate.free -= 1
    if (candidate.free > 0) return
    for (const ranking of known.values()) if (ranking.members.has(candidate.agent.id)) ranking.free -= 1
  }
  return { of, take }
}

function rank(candidates: Candidate[], capability: string, repository: string): Ranking {
  const choices = candidates.map((candidate, place): Choice => {
    const success = successOf(candidate.agent, capability)
    const holds = candidate.agent.repositories.includes(repository)
    const worth = weights.success * success + (holds ? weights.near : 0)
    const { free } = candidate
    return { candidate, success, holds, worth, place, free, score: scored(worth, free, candidate.agent) }
  })
  const standing = choices.filter(({ free }) => free > 0).sort((a, b) => (isBetter(a, b) ? -1 : 1))
  return {
    members: new Map(choices.map((choice) => [choice.candidate.agent.id, choice])),
    standing,
    free: standing.length,
  }
}

/**
 * Proven success counts most, then free load, then affinity; `near` counts twice: for the repository, and for what
 * the task depends on.
 */
const weights = { success: 0.5, free: 0.35, near: 0.075 }

const scored = (worth: number, free: number, { capacity }: Agent) => worth + weights.free * (free / capacity)

type Placed = { score: number; place: number }
const isBetter = (a: Placed, b: Placed) => a.score > b.score || (a.score === b.score && a.place < b.place)

/** Agents that did what a task depends on, and those that have a slot more for it than for others. */
export type Near = { doers: ReadonlySet<string>; kept: ReadonlyMap<string, unknown> }

/**
 * The best of those that are free; not the one that just failed it, when another could take it. Those for whom the
 * task is not like every other are looked at one by one, of the others only who stands first.
 * @returns the best and why, the best few with their scores, and how many were free
 */
export function route(ranking: Ranking, task: Task, { doers, kept }: Near) {
  const { members } = ranking
  const failed = task.failed_agent_id
  const avoid = failed !== null && members.size > (members.has(failed) ? 1 : 0)
  const apart = new Set([...doers, ...kept.keys(), ...(avoid ? [failed] : [])])
  const best = firstOf(ranking, apart)
  let candidates_free = ranking.free
  for (const id of apart) {
    const choice = members.get(id)
    if (!choice) continue
    const { agent, free: left } = choice.candidate
    const free = avoid && id === failed ? 0 : left + (kept.has(id) ? 1 : 0)
    candidates_free += Math.sign(free) - Math.sign(left)
    if (free === 0) continue
    const did = doers.has(id)
    const score = scored(choice.worth, free, agent) + (did ? weights.near : 0)
    insert(best, { choice, did, free, score, place: choice.place })
  }
  const [first] = best
  if (!first) return null
  const { candidate } = first.choice
  return { candidate, candidates: best.map(scoreOf), candidates_free, why: whyThis(first, task) }
}

type Rated = Placed & { choice: Choice; did: boolean; free: number }

/** The best few that are not `apart`. Who has been given a slot since it was placed has its place anew, further back. */
function firstOf({ standing }: Ranking, apart: ReadonlySet<string>) {
  const first: Rated[] = []
  for (let i = 0; first.length < namedCandidates; ) {
    const choice = standing[i]
    if (!choice) break
    const { agent, free } = choice.candidate
    if (choice.free !== free) {
      standing.splice(i, 1)
      choice.free = free
      choice.score = scored(choice.worth, free, agent)
      if (free > 0) standing.splice(placeOf(standing, choice), 0, choice)
      continue
    }
    const { score, place } = choice
    if (!apart.has(agent.id)) first.push({ choice, did: false, free, score, place })
    i += 1
  }
  return first
}

/** Where it belongs among those that stand in order. */
function placeOf(standing: readonly Choice[], choice: Choice) {
  let from = 0
  let to = standing.length
  while (from < to) {
    const middle = (from + to) >> 1
    const other = standing[middle]
    if (other && isBetter(other, choice)) from = middle + 1
    else to = middle
  }
  return from
}

function insert(best: Rated[], rated: Rated) {
  const place = best.findIndex((other) => isBetter(rated, other))
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
  return `${proof}, ${slots}${choice.holds ? ', holds the repository' : ''}${did ? ', did what it depends on' : ''}`
}

/** Why nobody takes a task, in words that a person can act on. */
export function whyNobody(
  candidates: Candidate<Able>[],
  eligible: number,
  task: Wanted,
  session: Pick<Session, 'labels'>,
) {
  const { capability } = task
  const labels = labelsOf(session)
  const needs = labels.length === 0 ? capability : `${capability} and the label ${labels.join(', ')}`
  if (eligible > 0) {
    const busy = eligible === 1 ? 'the one that has it is busy' : `all ${eligible} that have it are busy`
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
