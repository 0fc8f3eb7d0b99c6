import { pausedSentence } from '#core/session/failures'
import { graceMs } from '#core/session/limits'
import { isHeld } from '#core/task/states'
import { tokensReason } from '#core/tenant/tokens'
import { countedTokens } from '#core/usage/usage'
import { engineWait } from './engine.ts'
import type { Facts, Part, Wait } from './facts.ts'
import { agentPart } from './held.ts'
import { taskWait } from './tasks.ts'
import { tokensWait } from './tokens.ts'

/** What a session that has not ended waits for, by its state. */
export function sessionWait(facts: Facts): Wait {
  const { session } = facts
  const path = [sessionPart(facts)]
  const failing = failingWait(facts, path)
  if (failing) return failing
  switch (session.state) {
    case 'PENDING':
      return {
        reason: 'not_started',
        sentence: 'Not started. Start it when you are ready.',
        owner: 'operator',
        since: session.created_at,
        until: null,
        moves: ['An operator starts it.'],
        path,
      }
    case 'QUEUED':
      return queuedWait(facts, path)
    case 'PAUSING':
    case 'STOPPING':
      return settlingWait(facts, path)
    case 'PAUSED':
      return pausedWait(facts, path)
    default:
      return taskWait(facts, path)
  }
}

function sessionPart({ session }: Facts): Part {
  return { kind: 'session', id: session.id, state: session.state }
}

/** The engine itself fails on it: it tries again a few times, then the session FAILs with the reason. */
function failingWait(facts: Facts, path: Part[]): Wait | null {
  const { step_errors, wake_at, updated_at } = facts.session
  if (step_errors === 0 || wake_at === null || Date.parse(wake_at) <= Date.parse(facts.now)) return null
  const times = step_errors === 1 ? 'once' : `${step_errors} times in a row`
  const sentence = `The engine failed on it ${times} and tries again; its log says why.`
  const timer: Part = { kind: 'timer', id: facts.session.id, state: 'RUNNING', until: wake_at }
  const wait = engineWait(facts, 'engine_failing', sentence, updated_at)
  return { ...wait, until: wake_at, path: [...path, timer] }
}

/** When its time limit ends it, if it has one. */
function timeLimit({ session: { budget, started_at, queued_at } }: Facts) {
  const since = started_at ?? queued_at
  if (budget.seconds === null || since === null) return null
  return new Date(Date.parse(since) + budget.seconds * 1000).toISOString()
}

function queuedWait(facts: Facts, path: Part[]): Wait {
  const { session, queue } = facts
  const { before, running, limit, tokens_until } = queue
  const since = session.queued_at ?? session.created_at
  if (tokens_until !== null) return tokensWait(facts, path, { since, until: tokens_until })
  const state = running < limit ? 'FREE' : 'FULL'
  const quota: Part = { kind: 'quota', id: session.tenant_id, state, running, limit, before }
  if (before < limit - running) {
    const sentence = `Has a place among the running sessions (${running} of ${limit}): the engine starts it next.`
    return { ...engineWait(facts, 'admitting', sentence, since), path: [...path, quota] }
  }
  const ahead = before === 0 ? 'it is next' : before === 1 ? '1 is before it' : `${before} are before it`
  return {
    reason: 'queued',
    sentence: `Waits for a place among the running sessions: ${running} of ${limit} run, ${ahead}. Stop one, or raise its priority.`,
    owner: 'fleet',
    since,
    until: timeLimit(facts),
    moves: ['A running session ends.', 'An operator stops one, or raises the priority of this one.'],
    path: [...path, quota],
  }
}

/** Its agents hand back their work; at the grace deadline it is taken from them. */
function settlingWait(facts: Facts, path: Part[]): Wait {
  const { session, tasks, now } = facts
  const stopping = session.state === 'STOPPING'
  const until = session.settle_by
  const since = until
    ? new Date(Date.parse(until) - graceMs).toISOString()
    : (session.started_at ?? session.created_at)
  const held = tasks.filter((task) => isHeld(task.state))
  const [task] = held
  const verb = stopping ? 'stop' : 'pause'
  if (!task || until === null || Date.parse(until) <= Date.parse(now)) {
    return {
      ...engineWait(
        facts,
        'settling',
        `Nothing is left to wait for: the engine will ${verb} it next.`,
        since,
      ),
      path,
    }
  }
  const agent = agentPart(facts, task)
  const name = String(agent.name ?? agent.id)
  const others = held.length > 1 ? ` (and ${held.length - 1} more)` : ''
  return {
    reason: 'settling',
    sentence: `Waits for its agents to hand back their work: ${name} still holds "${task.key}"${others}. It is taken from them when the grace is over.`,
    owner: 'agent',
    since,
    until,
    moves: ['The agent hands the work back.', 'The grace ends.'],
    path: [...path, { kind: 'task', id: task.id, state: task.state, key: task.key }, agent],
  }
}

/** The reason that paused it is stored with it. */
function pausedWait(facts: Facts, path: Part[]): Wait {
  const { session } = facts
  const { waiting, budget, usage } = session
  const since = waiting?.since ?? session.updated_at
  if (waiting?.reason === tokensReason && waiting.until !== null)
    return tokensWait(facts, path, { since, until: waiting.until })
  const overspent = waiting?.reason === 'budget_exceeded'
  const spent = { tokens: countedTokens(usage), cost_usd: usage.cost_usd }
  const budgetPart: Part = { kind: 'budget', id: session.id, state: 'SPENT', spent, budget }
  return {
    reason: waiting?.reason ?? 'paused',
    sentence: waiting?.sentence ?? pausedSentence,
    owner: 'operator',
    since,
    until: waiting?.until ?? null,
    moves: overspent ? ['An operator raises its budget.'] : ['An operator resumes it.'],
    path: overspent ? [...path, budgetPart] : path,
  }
}
