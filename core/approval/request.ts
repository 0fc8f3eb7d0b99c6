import type { Worker } from '#core/actor'
import { change } from '#core/change/change'
import { addApproval, type Draft, moveTask, note, setTask } from '#core/change/draft'
import { OrchestratorError } from '#core/error'
import { newId } from '#core/id'
import type { Services } from '#core/services'
import type { Task } from '#core/task/task'
import { staleAttempt } from '#core/task/work'
import type { Approval, ApprovalAnswer, NewApproval } from './approval.ts'
import { askedSentence } from './ask.ts'
import { openOf, waitingFor } from './close.ts'
import { allowed, byDefault, decisionOf, denied } from './decision.ts'
import { decideAsk } from './policy.ts'
import { findApproval } from './read.ts'

/**
 * An engine asks. The policy decides at once, or an approval is opened and the task waits for a person. Repeated
 * with the same `engine_ref` it answers how that approval stands by now.
 * @throws not_found, stale_attempt
 */
export async function requestApproval(
  services: Services,
  worker: Worker,
  task_id: string,
  body: NewApproval,
): Promise<ApprovalAnswer> {
  const { tenant_id } = worker
  let answer: ApprovalAnswer | null = null
  let known: Approval | null = null
  await change(
    services,
    `task ${task_id}`,
    async () => {
      // In this order: whoever asks the same meanwhile moves the session's version, and then this looks again.
      const session = await services.load.task(tenant_id, task_id)
      known = await findApproval(services, tenant_id, { task_id, ...body })
      return session
    },
    (draft) => {
      answer = decideRequest(draft, worker, task_id, body, known)
    },
  )
  if (answer) return answer
  throw new OrchestratorError('internal', 'The approval was not decided.')
}

function decideRequest(
  draft: Draft,
  worker: Worker,
  task_id: string,
  body: NewApproval,
  known: Approval | null,
): ApprovalAnswer {
  const task = holdsNow(draft, worker, task_id, body.attempt)
  if (known) return answerOf(known)
  const action = decideAsk(draft.session.approval_policy, body)
  if (action === 'ask') return open(draft, task, body)
  const decision = action === 'allow' ? allowed(body) : denied(body)
  return { approval_id: null, state: 'DECIDED', deadline: null, decision }
}

function holdsNow(draft: Draft, worker: Worker, task_id: string, attempt: number) {
  const task = draft.tasks.get(task_id)
  if (!task) throw new OrchestratorError('not_found', `There is no task ${task_id}.`)
  const holds = task.agent_id === worker.agent_id && task.attempt === attempt
  if (holds && (task.state === 'RUNNING' || task.state === 'AWAITING_INPUT')) return task
  throw staleAttempt(task, attempt)
}

function open(draft: Draft, task: Task, body: NewApproval): ApprovalAnswer {
  const { timeout_seconds, default: fallback } = draft.session.approval_policy
  const { attempt: _attempt, ...ask } = body
  const approval: Approval = {
    ...ask,
    tenant_id: task.tenant_id,
    id: newId('approval'),
    session_id: task.session_id,
    task_id: task.id,
    attempt: task.attempt,
    agent_id: task.agent_id ?? '',
    state: 'OPEN',
    deadline: new Date(Date.parse(draft.now) + timeout_seconds * 1000).toISOString(),
    default: fallback,
    answer: null,
    answered_by: null,
    created_at: draft.now,
    closed_at: null,
  }
  addApproval(draft, approval)
  draft.trigger = 'APPROVAL'
  const { id, deadline, kind } = approval
  const sentence = askedSentence(approval)
  note(
    draft,
    'approval.requested',
    { approval_id: id, kind, attempt: task.attempt, deadline, sentence },
    task,
  )
  const waitsAlready = task.state === 'AWAITING_INPUT'
  const since = waitsAlready ? (task.waiting?.since ?? draft.now) : draft.now
  const waiting = waitingFor(openOf(draft, task.id), since)
  if (waitsAlready) setTask(draft, task.id, { waiting })
  else moveTask(draft, task.id, 'ask', { waiting }, { attempt: task.attempt, sentence })
  return answerOf(approval)
}

/** How an approval stands, as its worker is told. */
function answerOf(approval: Approval): ApprovalAnswer {
  const { id, state, deadline, answer } = approval
  if (state === 'OPEN') return { approval_id: id, state, deadline, decision: null }
  const decision = answer ? decisionOf(approval, answer) : byDefault(approval, approval.default)
  return { approval_id: id, state: 'DECIDED', deadline, decision }
}
