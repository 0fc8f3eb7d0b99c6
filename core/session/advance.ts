import type { AgentState } from '#core/agent/states'
import { expireApprovals, openOf } from '#core/approval/close'
import {
  addTask,
  type Draft,
  draftOf,
  type Known,
  moveSession,
  moveTask,
  setSession,
  setTask,
  tell,
} from '#core/change/draft'
import { cancelTask, failAttempt, loseTask, releaseTask, returnOffer } from '#core/task/end'
import { childFailed, joinChildren } from '#core/task/join'
import { integrationTask, planTask, workTasks } from '#core/task/make'
import { isHeld, isTerminal as isTaskTerminal } from '#core/task/states'
import type { Task } from '#core/task/task'
import { hopelessBecause, isParentReady, parentOf } from '#core/task/tree'
import { tokensReason, tokensWaiting } from '#core/tenant/tokens'
import { spentLimits } from '#core/usage/budget'
import { countedTokens } from '#core/usage/usage'
import { failureSentence, pausedSentence } from './failures.ts'
import { graceMs } from './limits.ts'
import type { FailureCode } from './session.ts'
import { isLegal, isTerminal } from './states.ts'

/** Of each agent that holds a task of the session: what tells whether it is still the one that took it. */
export type Holders = ReadonlyMap<string, { state: AgentState; incarnation: number }>

/**
 * Decides what comes next for one session. Pure: it reads no clock and does no I/O; the same knowledge gives
 * the same decision, whoever asks and however often.
 * @returns a draft to commit; unchanged when there is nothing to do but to wait for `session.wake_at`
 */
export function advance(known: Known, holders: Holders): Draft {
  const draft = draftOf(known)
  advanceDraft(draft, holders)
  return draft
}

/** The same for a draft in the making: an admitted session goes on in the commit that admits it. */
export function advanceDraft(draft: Draft, holders: Holders) {
  // Only steps that fail in a row give a session up; this one counts unless it throws.
  if (draft.session.step_errors > 0) setSession(draft, { step_errors: 0 })
  const { state } = draft.session
  if (state === 'RUNNING') run(draft, holders)
  else if (state === 'PAUSING' || state === 'STOPPING') settle(draft, holders)
  else if (state === 'QUEUED') timeLimit(draft)
  else if (state === 'PAUSED') resumeAtMidnight(draft)
  setWake(draft)
}

/** Gives a session up whose steps keep throwing, with the reason; one that was to stop is stopped. */
export function giveUp(known: Known, why: string): Draft {
  const draft = draftOf(known)
  if (draft.session.state === 'STOPPING') stopNow(draft, why)
  else if (isLegal(draft.session.state, 'fail')) fail(draft, 'engine_error', why)
  setWake(draft)
  return draft
}

function run(draft: Draft, holders: Holders) {
  if (timeLimit(draft)) return
  lose(draft, holders)
  expireApprovals(draft)
  deadlines(draft)
  if (overBudget(draft, holders) || outOfTokens(draft, holders)) return
  create(draft)
  unblock(draft)
  finish(draft)
}

const tasksOf = (draft: Draft) => [...draft.tasks.values()]
const isPast = (time: string | null, now: string) => time !== null && Date.parse(time) <= Date.parse(now)

function cancelAll(draft: Draft, reason: string) {
  for (const task of tasksOf(draft)) {
    if (isHeld(task.state)) tell(draft, task, 'INTERRUPT', { reason: 'stop' })
    if (!isTaskTerminal(task.state)) cancelTask(draft, task, reason)
  }
}

function stopNow(draft: Draft, reason: string) {
  cancelAll(draft, reason)
  draft.trigger = 'BEFORE_STOP'
  moveSession(draft, 'settle_stop', { waiting: null, settle_by: null, ended_at: draft.now })
}

function fail(draft: Draft, code: FailureCode, why: string, task_id: string | null = null) {
  cancelAll(draft, `The session failed: ${code}.`)
  const failure = { code, message: failureSentence(code, why), task_id }
  draft.trigger = 'TASK_FAILED'
  moveSession(draft, 'fail', { failure, waiting: null, settle_by: null, ended_at: draft.now }, failure)
}

function timeLimit(draft: Draft) {
  const { budget, queued_at, started_at } = draft.session
  const since = started_at ?? queued_at
  if (budget.seconds === null || since === null) return false
  if (!isPast(new Date(Date.parse(since) + budget.seconds * 1000).toISOString(), draft.now)) return false
  fail(draft, 'deadline_exceeded', `${budget.seconds} s`)
  return true
}

/** Tokens and cost pause, so that a raised budget goes on from here. */
function overBudget(draft: Draft, holders: Holders) {
  const { budget, usage } = draft.session
  const { tokens, cost_usd } = spentLimits(draft.session)
  if (!tokens && !cost_usd) return false
  const spent = tokens
    ? `${countedTokens(usage)} of ${budget.tokens} tokens`
    : `$${usage.cost_usd} of $${budget.cost_usd}`
  const sentence = `Its budget is spent: ${spent}. Raise the budget to go on.`
  const waiting = { reason: 'budget_exceeded', sentence, since: draft.now, until: null }
  moveSession(
    draft,
    'pause',
    { waiting, settle_by: after(draft.now, graceMs) },
    { reason: 'budget_exceeded', sentence },
  )
  settle(draft, holders)
  return true
}

/** The tenant's day is spent: it rests until the next one begins. */
function outOfTokens(draft: Draft, holders: Holders) {
  if (draft.tokens_until === null || tasksOf(draft).every(({ state }) => isTaskTerminal(state))) return false
  const waiting = tokensWaiting(draft.now, draft.tokens_until)
  const { reason, sentence, until } = waiting
  moveSession(draft, 'pause', { waiting, settle_by: after(draft.now, graceMs) }, { reason, sentence, until })
  settle(draft, holders)
  return true
}

/** What paused for the tokens of the day goes on by itself; what an operator has paused does not. */
function resumeAtMidnight(draft: Draft) {
  if (draft.session.waiting?.reason === tokensReason && draft.tokens_until === null)
    moveSession(draft, 'resume', { queued_at: draft.now, waiting: null })
}

/** Tasks whose agent went silent, or came back as another process, go back to where their checkpoint is. */
function lose(draft: Draft, holders: Holders) {
  for (const task of tasksOf(draft)) {
    if (!isHeld(task.state) || task.agent_id === null) continue
    const holder = holders.get(task.agent_id)
    if (holder === undefined) loseTask(draft, task, 'its agent was removed')
    else if (holder.incarnation !== task.agent_incarnation)
      loseTask(draft, task, 'its agent was started anew')
    else if (holder.state === 'OFFLINE') loseTask(draft, task, 'its agent gave no sign of life')
    else if (holder.state === 'DRAINING' && task.state === 'ASSIGNED')
      returnOffer(draft, task, 'withdraw', 'drain')
  }
}

function deadlines(draft: Draft) {
  for (const task of tasksOf(draft)) {
    if (!isPast(task.deadline, draft.now)) continue
    if (task.state === 'ASSIGNED') returnOffer(draft, task, 'expire', 'nobody claimed it in time')
    // While a person is asked the run's time stands still; the approval has its own end.
    else if (isHeld(task.state) && openOf(draft, task.id).length === 0) {
      tell(draft, task, 'INTERRUPT', { reason: 'timeout' })
      failAttempt(draft, task, {
        code: 'timeout',
        message: 'The attempt took longer than allowed.',
        retryable: true,
      })
    }
  }
}

/** The first tasks: the given plan's, or the Architect's; then those of the plan that it handed in. */
function create(draft: Draft) {
  const tasks = tasksOf(draft)
  const planned = tasks.find(({ kind }) => kind === 'PLAN')
  if (tasks.some(({ kind }) => kind === 'WORK')) return
  const plan = draft.session.plan ?? planned?.result?.plan
  if (plan) for (const task of workTasks(draft, plan)) addTask(draft, task)
  else if (!planned) addTask(draft, planTask(draft))
  draft.trigger = plan ? 'PLAN_ACCEPTED' : draft.trigger
}

/** What depended on nothing else may start; what depended on a failure never will; parents end with their subtasks. */
function unblock(draft: Draft) {
  const byKey = new Map(tasksOf(draft).map((task) => [task.key, task]))
  let moved = true
  // Each round ends at least one task, so that there are at most as many rounds as tasks.
  while (moved) {
    moved = joinChildren(draft)
    for (const task of tasksOf(draft)) {
      if (task.state !== 'BLOCKED') continue
      const needs = task.depends_on.map((key) => draft.tasks.get(byKey.get(key)?.id ?? ''))
      const why = hopelessBecause(draft, task, needs)
      if (why) {
        cancelTask(draft, task, why)
        moved = true
      } else if (isParentReady(parentOf(draft, task)) && needs.every((need) => need?.state === 'COMPLETED')) {
        moveTask(draft, task.id, 'unblock', { ready_at: draft.now })
      }
    }
  }
}

/** When all tasks have ended: integrate, then complete; or fail with the first failure's own words. */
function finish(draft: Draft) {
  const tasks = tasksOf(draft)
  if (tasks.length === 0 || !tasks.every(({ state }) => isTaskTerminal(state))) return
  const broken = tasks.filter(({ state }) => state === 'FAILED')
  const failed =
    // The cause, rather than the tasks above it.
    broken.find(({ error }) => error?.code !== childFailed) ??
    broken[0] ??
    tasks.find(({ state }) => state === 'CANCELLED')
  if (failed) return fail(draft, failureOf(failed), reasonOf(failed), failed.id)
  const last = tasks.find(({ kind }) => kind === 'INTEGRATION')
  if (!last) return addTask(draft, integrationTask(draft))
  complete(draft, last, tasks)
}

function failureOf(task: Task): FailureCode {
  const code = task.error?.code
  if (code === 'agent_lost' || code === 'repository_unavailable') return code
  if (task.kind === 'PLAN') return 'plan_invalid'
  return task.kind === 'WORK' ? 'task_failed' : 'integration_failed'
}

function reasonOf(task: Task) {
  const tries = task.failures > 1 ? ` after ${task.failures} attempts` : ''
  return `"${task.title}" ended ${task.state}${tries}: ${task.error?.message ?? 'no reason was given'}`
}

function complete(draft: Draft, last: Task, tasks: Task[]) {
  const summaries = tasks
    .filter(({ kind }) => kind === 'WORK')
    .map(({ title, result }) => `${title}: ${result?.summary ?? ''}`)
  const result = {
    summary: summaries.join('\n').slice(0, 20_000),
    branch: last.result?.branch ?? null,
    commit: last.result?.commit ?? null,
    diff: last.result?.diff ?? null,
    push_reason: last.result?.push_reason ?? null,
    artifact_id: last.result?.artifact_id ?? null,
    patch_artifact_id: last.result?.patch_artifact_id ?? null,
  }
  const { branch, commit, diff, push_reason } = result
  moveSession(
    draft,
    'complete',
    { result, waiting: null, ended_at: draft.now },
    { branch, commit, diff, push_reason },
  )
}

/** Asks who holds a task to hand it back; at the grace deadline takes it, which fences the attempt. */
function settle(draft: Draft, holders: Holders) {
  const stopping = draft.session.state === 'STOPPING'
  const reason = stopping ? 'stop' : 'pause'
  lose(draft, holders)
  const over = isPast(draft.session.settle_by, draft.now)
  for (const task of tasksOf(draft)) {
    if (task.state === 'ASSIGNED') returnOffer(draft, task, 'withdraw', reason)
    else if (isHeld(task.state)) interrupt(draft, task, reason, over)
  }
  if (tasksOf(draft).some(({ state }) => isHeld(state))) return
  if (stopping) return stopNow(draft, 'The session was stopped.')
  draft.trigger = 'BEFORE_PAUSE'
  const waiting = draft.session.waiting ?? pausedWaiting(draft.now)
  moveSession(draft, 'settle_pause', { waiting, settle_by: null })
  const { tokens, cost_usd } = spentLimits(draft.session)
  // Its budget was raised while it settled.
  if (waiting.reason === 'budget_exceeded' && !tokens && !cost_usd)
    moveSession(draft, 'resume', { queued_at: draft.now, waiting: null })
  else resumeAtMidnight(draft)
}

export function pausedWaiting(since: string) {
  return { reason: 'paused', sentence: pausedSentence, since, until: null }
}

function interrupt(draft: Draft, task: Task, reason: 'pause' | 'stop', over: boolean) {
  if (over) releaseTask(draft, task, `${reason}: its agent did not hand it back in time`)
  else if (task.waiting?.reason !== 'interrupted') {
    tell(draft, task, 'INTERRUPT', { reason })
    const sentence = `Its agent was asked to hand it back (${reason}).`
    setTask(draft, task.id, {
      waiting: { reason: 'interrupted', sentence, since: draft.now, until: draft.session.settle_by },
    })
  }
}

function after(now: string, ms: number) {
  return new Date(Date.parse(now) + ms).toISOString()
}

/** The earliest deadline of the session and its tasks: when somebody must look again at the latest. */
export function setWake(draft: Draft) {
  const { session } = draft
  const times: (string | null)[] = isTerminal(session.state) ? [] : [session.settle_by]
  if (session.state === 'RUNNING' || session.state === 'QUEUED') {
    const since = session.started_at ?? session.queued_at
    if (session.budget.seconds !== null && since) times.push(after(since, session.budget.seconds * 1000))
  }
  // Whoever waits for the day's end is looked at then, whatever else happens until there.
  if (session.state === 'QUEUED') times.push(draft.tokens_until)
  if (session.state === 'PAUSED' && session.waiting?.reason === tokensReason)
    times.push(draft.tokens_until ?? session.waiting.until)
  // While it settles only the grace counts: an attempt's own end, perhaps past, would hide it.
  if (session.state === 'RUNNING') {
    for (const task of draft.tasks.values()) {
      if (isHeld(task.state)) times.push(nextEnd(draft, task))
      // One that may be offered already waits for an agent: the fleet's next change looks for it.
      else if (task.state === 'READY' && !isPast(task.not_before, draft.now)) times.push(task.not_before)
    }
  }
  const wake_at = earliest(times)
  if (wake_at !== session.wake_at) setSession(draft, { wake_at })
}

/** While a person is asked the run's time stands still, and the approval's counts. */
function nextEnd(draft: Draft, task: Task) {
  return openOf(draft, task.id)[0]?.deadline ?? task.deadline
}

function earliest(times: (string | null)[]) {
  const set = times.filter((time) => time !== null)
  return set.length === 0 ? null : set.reduce((a, b) => (Date.parse(a) <= Date.parse(b) ? a : b))
}
