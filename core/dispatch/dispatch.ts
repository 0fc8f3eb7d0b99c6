import { type Agent, freeSlots } from '#core/agent/agent'
import { type Doers, type Draft, moveSession, moveTask, type Slot, setTask, tell } from '#core/change/draft'
import { turnOf } from '#core/priority'
import { limits, type Task } from '#core/task/task'
import { tokensWaiting } from '#core/tenant/tokens'
import { plusReserved, type Reserved, reservedSentence, sliceOf } from '#core/usage/budget'
import { type Candidate, candidatesOf, chooser, inOrder, route, whyNobody } from './route.ts'

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
  const choosing = { candidates, choose: chooser(candidates) }
  const doers = new Map([...new Set(draftOf.values())].map((draft) => [draft, doersOf(draft)]))
  for (const task of inOrder(ready)) {
    const draft = draftOf.get(task.id)
    if (draft) offer(draft, task, choosing, doersFor(task, doers.get(draft)))
  }
}

const isLater = (time: string | null, now: string) => time !== null && Date.parse(time) > Date.parse(now)

/** By key: of its own finished tasks, and of those that it does not hold. */
function doersOf({ tasks, doers }: Draft): Doers {
  const done = [...tasks.values()].filter(({ state }) => state === 'COMPLETED')
  return { ...doers, ...Object.fromEntries(done.map(({ key, agent_id }) => [key, agent_id ?? ''])) }
}

const doersFor = ({ depends_on }: Task, doers: Doers = {}) =>
  new Set(depends_on.flatMap((key) => doers[key] ?? []))

type Choosing = { candidates: Candidate[]; choose: ReturnType<typeof chooser> }

function offer(draft: Draft, task: Task, { candidates, choose }: Choosing, doers: ReadonlySet<string>) {
  const slice = sliceOf(draft.session)
  if (!slice) return explain(draft, task, { reason: 'budget_reserved', sentence: reservedSentence })
  const choices = choose(task, draft.session)
  const kept = keptSlots(draft, candidates)
  const routed = route(choices, task, { doers, kept })
  if (!routed) return explain(draft, task, whyNobody(candidates, choices, task, draft.session))
  const { candidate, event } = routed
  const slot = kept.get(candidate.agent.id)
  if (!slot) candidate.free -= 1
  reserve(draft, task, { agent: candidate.agent, slot, slice, why: event })
}

/** By agent: slots of tasks that this decision hands in, but for those of one that holds more than it now may. */
function keptSlots({ slots }: Draft, candidates: Candidate[]) {
  const kept = new Map<string, Slot>()
  for (const slot of slots) {
    if (slot.outcome !== '1' || slot.take === 1) continue
    const agent = candidates.find((one) => one.agent.id === slot.agent_id)?.agent
    if (agent && freeSlots({ ...agent, active: agent.active - 1 }) > 0) kept.set(agent.id, slot)
  }
  return kept
}

type Chosen = { agent: Agent; slot: Slot | undefined; slice: Reserved; why: Record<string, unknown> }

function reserve(draft: Draft, task: Task, { agent, slot, slice, why }: Chosen) {
  const { capability } = task
  const attempt = task.attempt + 1
  const deadline = new Date(Date.parse(draft.now) + limits.offer_ms).toISOString()
  const holder = { agent_id: agent.id, agent_incarnation: agent.incarnation }
  const set = { ...holder, attempt, deadline, not_before: null, last_batch: 0, reserved: slice }
  const assigned = moveTask(draft, task.id, 'assign', set, { attempt, agent: agent.name, ...why })
  draft.session = { ...draft.session, reserved: plusReserved(draft.session.reserved, slice) }
  if (slot) slot.take = 1
  else draft.slots.push({ ...slotOf(agent), take: 1, give: 0, outcome: '', capability })
  tell(draft, assigned, 'OFFER', { title: task.title, capability, deadline })
}

const slotOf = ({ id, incarnation }: Agent) => ({ agent_id: id, incarnation })

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
