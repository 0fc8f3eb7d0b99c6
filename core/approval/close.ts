import { type Draft, moveApproval, moveTask, note, setTask, tell } from '#core/change/draft'
import type { Task } from '#core/task/task'
import type { Approval, Decision } from './approval.ts'
import { askedSentence } from './ask.ts'
import { byDefault, decisionOf } from './decision.ts'
import { decideAsk } from './policy.ts'

/** Tells the agent what was decided, and lets the task run on once nothing of it is open. */
export function deliver(draft: Draft, approval: Approval, decision: Decision) {
  const task = draft.tasks.get(approval.task_id)
  if (!task) return
  const { id, engine_ref } = approval
  tell(draft, task, 'ANSWER', { approval_id: id, engine_ref, decision })
  goOn(draft, task)
}

function goOn(draft: Draft, task: Task) {
  if (task.state !== 'AWAITING_INPUT') return
  const open = openOf(draft, task.id)
  const interrupted = task.waiting?.reason === 'interrupted' ? task.waiting : null
  if (open.length > 0) {
    if (!interrupted) setTask(draft, task.id, { waiting: waitingFor(open, task.waiting?.since ?? draft.now) })
    return
  }
  const since = task.waiting?.reason === 'approval' ? task.waiting.since : draft.now
  const set = { deadline: extended(task.deadline, since, draft.now), waiting: interrupted }
  moveTask(draft, task.id, 'answer', set, { attempt: task.attempt })
}

/** The time that people take is not the attempt's. */
function extended(deadline: string | null, since: string, now: string) {
  if (deadline === null) return null
  return new Date(Date.parse(deadline) + Date.parse(now) - Date.parse(since)).toISOString()
}

export function openOf(draft: Draft, task_id: string) {
  const mine = [...draft.approvals.values()].filter((one) => one.task_id === task_id && one.state === 'OPEN')
  return mine.sort((a, b) => Date.parse(a.deadline) - Date.parse(b.deadline))
}

/** Why the task stands still: the operator must answer, before the first deadline. */
export function waitingFor(open: Approval[], since: string) {
  const [first] = open
  if (!first) return null
  const answer = first.kind === 'QUESTION' ? 'reply --text "…"' : 'allow_once'
  const sentence = `Waits for your answer. ${askedSentence(first)} · npx orchestrator approval answer ${first.id} ${answer}`
  return { reason: 'approval', sentence, since, until: first.deadline }
}

/** What is open of a session and no longer has to be asked is allowed, and says by what. Its tasks must be known. */
export function allowCovered(draft: Draft, by: string) {
  const answer = { answer: 'allow_once' } as const
  for (const approval of draft.approvals.values()) {
    if (approval.state !== 'OPEN' || approval.kind !== 'PERMISSION') continue
    if (decideAsk(draft.session.approval_policy, approval) !== 'allow') continue
    moveApproval(draft, approval.id, 'answer', { answer, answered_by: 'operator' })
    const sentence = `allow_once, by ${by} (${askedSentence(approval)})`
    const data = { approval_id: approval.id, ...answer, by: 'operator', sentence }
    note(draft, 'approval.answered', data, draft.tasks.get(approval.task_id))
    deliver(draft, approval, decisionOf(approval, answer))
  }
}

/** What nobody answered in time takes the policy's default. */
export function expireApprovals(draft: Draft) {
  for (const approval of draft.approvals.values()) {
    if (approval.state !== 'OPEN' || Date.parse(approval.deadline) > Date.parse(draft.now)) continue
    moveApproval(draft, approval.id, 'expire', { answered_by: 'timeout' })
    const fallback = approval.default
    const said = typeof fallback === 'string' ? fallback : 'a reply'
    note(
      draft,
      'approval.expired',
      {
        approval_id: approval.id,
        default: fallback,
        sentence: `Nobody answered in time; the default holds: ${said}.`,
      },
      draft.tasks.get(approval.task_id),
    )
    deliver(draft, approval, byDefault(approval, fallback))
  }
}
