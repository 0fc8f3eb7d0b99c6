import { type Agent, freeSlots } from '#core/agent/agent'
import { type Doers, type Draft, moveSession, moveTask, type Slot, setTask, tell } from '#core/change/draft'
import { turnOf } from '#core/priority'
import { limits, type Task } from '#core/task/task'
import { tokensWaiting } from '#core/tenant/tokens'
import { plusReserved, type Reserved, reservedSentence, sliceOf } from '#core/usage/budget'
import { type Candidate, candidatesOf, inOrder, rankings, route, whyNobody } from './route.ts'

/** What is known of a tenant's fleet when its work is handed out. */
export type Fleet = {
  agents: Agent[]
  running_sessions: number
  max_running_sessions: number
  /** When work may be handed out again, where the tokens of the day are used up. */
  tokens_until?: string | null
}

/**
 * Lets QUEUED sessions run while the tenant's concurrency and its tokens of the day allow, in turn: by priority,
 * raised by age. The commit counts again (`seats`): of two that admit at once one is refused.
 * @returns how many were admitted
 */
export function admit(drafts: Draft[], fleet: Fleet) {
  if (fleet.tokens_until) return 0
  const queued = drafts.filter(({ session }) => session.state === 'QUEUED')
  const free = Math.max(0, fleet.max_running_sessions - fleet.running_sessions)
  const admitted = queued.sort(byTurn).slice(0, free)
  for (const draft of admitted) {
    const started_at = draft.session.started_at ?? draft.now
    draft.trigger = 'SESSION_STARTED'
    moveSession(draft, 'admit', { started_at, waiting: null })
  }
  return admitted.length
}

function byTurn({ session: a }: Draft, { session: b }: Draft) {
  return turnOf(a.priority, a.queued_at) - turnOf(b.priority, b.queued_at) || (a.id < b.id ? -1 : 1)
}

/**
 * Hands READY tasks of RUNNING sessions to agents: all of them in one decision, best agent first. The slot of a task
 * that this very decision hands in is free for its own session's next one alone, until it is stored.
 */
export function assign(drafts: Draft[], fleet: Pick<Fleet, 'agents' | 'tokens_until'>) {
  const candidates = candidatesOf(fleet.agents)
  const draftOf = new Map<string, Draft>()
  const ready: Task[] = []
  for (const draft of drafts) {
    if (draft.session.state !== 'RUNNING') continue
    for (const task of draft.tasks.values()) {
      if (task.state !== 'READY' || isLater(task.not_before, draft.now)) continue
      ready.push(task)
      draftOf.set(task.id, draft)
    }
  }
  if (fleet.tokens_until) return explainTokens(ready, draftOf, fleet.tokens_until)
  const choosing = { candidates, rankings: rankings(candidates) }
  const looks = new Map([...new Set(draftOf.values())].map((draft) => [draft, lookOf(draft)]))
  for (const task of inOrder(ready)) {
    const draft = draftOf.get(task.id)
    const look = draft && looks.get(draft)
    if (look) offer(draft, task, choosing, look)
  }
}

const isLater = (time: string | null, now: string) => time !== null && Date.parse(time) > Date.parse(now)

/** What all offers of a session have in common: who did what in it, and until when they stand. */
type Look = { doers: Doers; deadline: string }

function lookOf(draft: Draft): Look {
  return {
    doers: doersOf(draft),
    deadline: new Date(Date.parse(draft.now) + limits.offer_ms).toISOString(),
  }
}

/** By key: of its own finished tasks, and of those that it does not hold. */
function doersOf({ tasks, doers }: Draft): Doers {
  const done = [...tasks.values()].filter(({ state }) => state === 'COMPLETED')
  if (done.length === 0) return doers
  return { ...doers, ...Object.fromEntries(done.map(({ key, agent_id }) => [key, agent_id ?? ''])) }
}

const nobody: ReadonlySet<string> = new Set()

function doersFor({ depends_on }: Task, { doers }: Look) {
  return depends_on.length === 0 ? nobody : new Set(depends_on.flatMap((key) => doers[key] ?? []))
}

type Choosing = { candidates: Candidate[]; rankings: ReturnType<typeof rankings> }

function offer(draft: Draft, task: Task, { candidates, rankings }: Choosing, look: Look) {
  const slice = sliceOf(draft.session)
  if (!slice) return explain(draft, task, { reason: 'budget_reserved', sentence: reservedSentence })
  const ranking = rankings.of(task, draft.session)
  const kept = keptSlots(draft, candidates)
  const routed = route(ranking, task, { doers: doersFor(task, look), kept })
  if (!routed) return explain(draft, task, whyNobody(candidates, ranking.members.size, task, draft.session))
  const slot = kept.get(routed.candidate.agent.id)
  if (!slot) rankings.take(routed.candidate)
  reserve(draft, task, { routed, slot, slice, deadline: look.deadline })
}

const noSlots: ReadonlyMap<string, Slot> = new Map()

/** By agent: slots of tasks that this decision hands in, but for those of one that holds more than it now may. */
function keptSlots({ slots }: Draft, candidates: Candidate[]) {
  const given = slots.filter(({ outcome, take }) => outcome === '1' && take === 0)
  if (given.length === 0) return noSlots
  const kept = new Map<string, Slot>()
  for (const slot of given) {
    const agent = candidates.find((one) => one.agent.id === slot.agent_id)?.agent
    if (agent && freeSlots({ ...agent, active: agent.active - 1 }) > 0) kept.set(agent.id, slot)
  }
  return kept
}

type Chosen = {
  routed: NonNullable<ReturnType<typeof route>>
  slot: Slot | undefined
  slice: Reserved
  deadline: string
}

function reserve(draft: Draft, task: Task, { routed, slot, slice, deadline }: Chosen) {
  const { capability, title } = task
  const { agent } = routed.candidate
  const { candidates, candidates_free, why } = routed
  const attempt = task.attempt + 1
  const set = {
    agent_id: agent.id,
    agent_incarnation: agent.incarnation,
    attempt,
    deadline,
    not_before: null,
    last_batch: 0,
    reserved: slice,
  }
  const event = { attempt, agent: agent.name, candidates, candidates_free, why }
  const assigned = moveTask(draft, task.id, 'assign', set, event)
  reserveIn(draft, slice)
  if (slot) slot.take = 1
  else draft.slots.push(slotOf(agent, capability))
  tell(draft, assigned, 'OFFER', { title, capability, deadline })
}

/** Most sessions have no limits, and nothing to reserve. */
function reserveIn(draft: Draft, slice: Reserved) {
  if (slice.tokens === 0 && slice.cost_usd === 0) return
  draft.session = { ...draft.session, reserved: plusReserved(draft.session.reserved, slice) }
}

function slotOf({ id, incarnation }: Agent, capability: string): Slot {
  return { agent_id: id, incarnation, take: 1, give: 0, outcome: '', capability }
}

function explainTokens(ready: Task[], draftOf: Map<string, Draft>, until: string) {
  for (const task of ready) {
    const draft = draftOf.get(task.id)
    if (draft) explain(draft, task, tokensWaiting(task.ready_at ?? draft.now, until))
  }
}

/** Written only when the reason changes, so that a long wait costs one commit. */
function explain(draft: Draft, task: Task, why: { reason: string; sentence: string; until?: string }) {
  if (task.waiting?.reason === why.reason && task.waiting.sentence === why.sentence) return
  const since = task.ready_at ?? draft.now
  setTask(draft, task.id, { waiting: { until: null, ...why, since } })
}
