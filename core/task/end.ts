import { type Draft, moveTask } from '#core/change/draft'
import { limits, type Task } from './task.ts'
import { childrenOf, isParentReady, parentOf } from './tree.ts'

type Failure = { code: string; message: string; retryable: boolean }

const plus = (now: string, ms: number) => new Date(Date.parse(now) + ms).toISOString()

/** What a task looks like once nobody holds it: free to be offered again, its checkpoint kept. */
export const unheld = { agent_id: null, agent_incarnation: null, deadline: null, last_batch: 0 } as const

/** Counts an attempt that ended, for the session's success rate. */
function countAttempt(draft: Draft, succeeded: boolean) {
  const { attempts_finished, attempts_succeeded } = draft.session
  draft.session = {
    ...draft.session,
    attempts_finished: attempts_finished + 1,
    attempts_succeeded: attempts_succeeded + (succeeded ? 1 : 0),
  }
}

/** An attempt failed: tried again after a backoff while failures remain and the cause can pass, else FAILED. */
export function failAttempt(draft: Draft, task: Task, { code, message, retryable }: Failure) {
  const failures = task.failures + 1
  const error = { code, message }
  const data = { attempt: task.attempt, code, message, failures }
  countAttempt(draft, false)
  draft.trigger = 'TASK_FAILED'
  if (!retryable || failures >= limits.failures) {
    const set = { failures, error, deadline: null, ended_at: draft.now }
    return moveTask(draft, task.id, 'fail', set, { ...data, final: true }, '0')
  }
  const not_before = plus(draft.now, limits.backoff_ms(failures))
  const waiting = {
    reason: 'backoff',
    sentence: `Attempt ${task.attempt} failed (${code}); the next one starts after a pause.`,
    since: draft.now,
    until: not_before,
  }
  const set = {
    ...unheld,
    failures,
    error,
    failed_agent_id: task.agent_id,
    not_before,
    waiting,
    ready_at: draft.now,
  }
  return moveTask(draft, task.id, 'fail_attempt', set, { ...data, final: false, not_before }, '0')
}

/** Its agent is gone: offered again from its last checkpoint, until the losses allowed are used up. */
export function loseTask(draft: Draft, task: Task, cause: string) {
  const losses = task.losses + 1
  const data = {
    attempt: task.attempt,
    agent_id: task.agent_id,
    cause,
    losses,
    checkpoint: task.work?.number ?? null,
  }
  draft.trigger = 'RECOVERY'
  const lost = moveTask(draft, task.id, 'lose', { ...unheld, losses, ready_at: draft.now }, data)
  if (losses < limits.losses) return lost
  const error = { code: 'agent_lost', message: `${losses} agents were lost while they held "${task.title}".` }
  return moveTask(draft, task.id, 'fail', { error, ended_at: draft.now }, { ...error, final: true })
}

/** Given back with its work saved: by its agent, or by the engine when an agent does not answer in time. */
export function releaseTask(draft: Draft, task: Task, reason: string) {
  return moveTask(
    draft,
    task.id,
    'release',
    { ...unheld, ready_at: draft.now },
    { attempt: task.attempt, reason },
  )
}

/** An offer comes back unclaimed: declined, too old, or withdrawn. */
export function returnOffer(
  draft: Draft,
  task: Task,
  action: 'decline' | 'expire' | 'withdraw',
  reason: string,
) {
  const data = { attempt: task.attempt, agent_id: task.agent_id, action, reason }
  return moveTask(draft, task.id, action, { ...unheld, ready_at: draft.now }, data)
}

export function cancelTask(draft: Draft, task: Task, reason: string) {
  const error = { code: 'cancelled', message: reason }
  return moveTask(draft, task.id, 'cancel', { ...unheld, error, ended_at: draft.now }, { reason })
}

/** Its own run is over and counts: COMPLETED, unless subtasks are left, which begin from it now. */
export function completeTask(draft: Draft, task: Task, set: Partial<Task>, data: Record<string, unknown>) {
  countAttempt(draft, true)
  draft.trigger = task.kind === 'PLAN' ? 'PLAN_ACCEPTED' : 'TASK_COMPLETED'
  const facts = { attempt: task.attempt, ...data }
  const ended = { ...set, error: null, deadline: null }
  if (childrenOf(draft, task.id).every(({ state }) => state === 'COMPLETED'))
    return moveTask(draft, task.id, 'complete', { ...ended, ended_at: draft.now }, facts, '1')
  const waiting = waitingForChildren(draft.now)
  return moveTask(draft, task.id, 'await_children', { ...ended, waiting }, facts, '1')
}

function waitingForChildren(since: string) {
  const sentence = 'Its own run is over and counts; it is COMPLETED when its subtasks are.'
  return { reason: 'subtasks', sentence, since, until: null }
}

/**
 * As new, but for its attempt number, its last checkpoint and what it has used. One whose own run was accepted is
 * not run again: it waits for its subtasks.
 */
export function reviveTask(draft: Draft, task: Task) {
  const needs = [...draft.tasks.values()].filter(({ key }) => task.depends_on.includes(key))
  const ready = isParentReady(parentOf(draft, task)) && needs.every(({ state }) => state === 'COMPLETED')
  const counters = { failures: 0, losses: 0, error: null, failed_agent_id: null }
  if (task.result !== null && childrenOf(draft, task.id).length > 0) {
    const set = { ...counters, ended_at: null, waiting: waitingForChildren(draft.now) }
    return moveTask(draft, task.id, 'revive', { ...set, ...unheld, state: 'WAITING_CHILDREN' })
  }
  const times = { ended_at: null, not_before: null, deadline: null, ready_at: ready ? draft.now : null }
  const holder = { agent_id: null, agent_incarnation: null, last_batch: 0 }
  const state = ready ? 'READY' : 'BLOCKED'
  return moveTask(draft, task.id, 'revive', { ...counters, ...times, ...holder, state })
}
