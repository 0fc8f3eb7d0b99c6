import type { Agent } from '#core/agent/agent'
import { type Draft, moveSession, moveTask, setTask, tell } from '#core/change/draft'
import { limits, type Task } from '#core/task/task'
import { able, type Candidate, candidatesOf, inOrder, route, type Score, whyNobody } from './route.ts'

/** What is known of a tenant's fleet when its work is handed out. */
export type Fleet = { agents: Agent[]; running_sessions: number; max_running_sessions: number }

/** Candidates that an assignment's event names: the best of them, so that a page stays small. */
const namedCandidates = 5

/**
 * Lets QUEUED sessions run while the tenant's concurrency allows, highest priority and oldest first.
 * @returns how many were admitted
 */
export function admit(drafts: Draft[], fleet: Fleet) {
  const queued = drafts.filter(({ session }) => session.state === 'QUEUED')
  const free = Math.max(0, fleet.max_running_sessions - fleet.running_sessions)
  const admitted = queued.sort(byUrgency).slice(0, free)
  for (const draft of admitted) {
    const started_at = draft.session.started_at ?? draft.now
    draft.trigger = 'SESSION_STARTED'
    moveSession(draft, 'admit', { started_at, waiting: null })
  }
  return admitted.length
}

const urgency = { CRITICAL: 0, HIGH: 1, MEDIUM: 2, LOW: 3 } as const

function byUrgency(a: Draft, b: Draft) {
  const byPriority = urgency[a.session.priority] - urgency[b.session.priority]
  return byPriority || (a.session.queued_at ?? '').localeCompare(b.session.queued_at ?? '')
}

/** Hands READY tasks of RUNNING sessions to the fleet: all of them in one decision, best agent first. */
export function assign(drafts: Draft[], fleet: Fleet) {
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
  const now = drafts[0]?.now ?? ''
  for (const { task } of inOrder(ready, now)) {
    const draft = draftOf.get(task.id)
    if (draft) offer(draft, task, candidates)
  }
}

const isLater = (time: string | null, now: string) => time !== null && Date.parse(time) > Date.parse(now)

function offer(draft: Draft, task: Task, candidates: Candidate[]) {
  const eligible = able(candidates, task, draft.session)
  const { best, scores } = route(eligible, task, draft.session)
  const chosen = candidates.find(({ agent }) => agent.id === best?.agent_id)
  if (!best || !chosen) return explain(draft, task, whyNobody(candidates, eligible, task, draft.session))
  chosen.free -= 1
  reserve(draft, task, chosen.agent, scores)
}

function reserve(draft: Draft, task: Task, agent: Agent, scores: Score[]) {
  const attempt = task.attempt + 1
  const deadline = new Date(Date.parse(draft.now) + limits.offer_ms).toISOString()
  const holder = { agent_id: agent.id, agent_incarnation: agent.incarnation }
  const set = { ...holder, attempt, deadline, not_before: null, last_batch: 0 }
  const data = { attempt, agent: agent.name, candidates: scores.slice(0, namedCandidates) }
  const assigned = moveTask(draft, task.id, 'assign', set, data)
  draft.slots.push({ agent_id: agent.id, incarnation: agent.incarnation, take: 1, give: 0, outcome: '' })
  tell(draft, assigned, 'OFFER', { title: task.title, capability: task.capability, deadline })
}

/** Written only when the reason changes, so that a long wait costs one commit. */
function explain(draft: Draft, task: Task, why: { reason: string; sentence: string }) {
  if (task.waiting?.reason === why.reason && task.waiting.sentence === why.sentence) return
  setTask(draft, task.id, { waiting: { ...why, since: task.ready_at ?? draft.now, until: null } })
}
