import type { Actor } from '#core/actor'
import { allowCovered } from '#core/approval/close'
import type { ApprovalPolicy, SessionPolicy } from '#core/approval/policy'
import { change } from '#core/change/change'
import { type Draft, moveSession, note, setSession, setTask, tell } from '#core/change/draft'
import { OrchestratorError } from '#core/error'
import { newId } from '#core/id'
import { channelOf } from '#core/live/channel'
import type { Priority } from '#core/priority'
import type { Services } from '#core/services'
import { reviveTask } from '#core/task/end'
import { isHeld, isTerminal as isTaskTerminal } from '#core/task/states'
import { tokensReason } from '#core/tenant/tokens'
import { spentLimits } from '#core/usage/budget'
import { pausedWaiting } from './advance.ts'
import { graceMs } from './limits.ts'
import { readSession } from './read.ts'
import type { SessionPatch } from './session.ts'
import { isTerminal, type SessionAction, type SessionState } from './states.ts'

/** The operator's actions. Each is safe to repeat: one that is already done answers the present state. */
type Control = Extract<SessionAction, 'start' | 'pause' | 'resume' | 'stop' | 'retry'>

const alreadyDone: Record<Control, readonly SessionState[]> = {
  start: ['QUEUED', 'RUNNING'],
  pause: ['PAUSING', 'PAUSED'],
  resume: ['QUEUED', 'RUNNING'],
  stop: ['STOPPING', 'STOPPED'],
  retry: ['QUEUED', 'RUNNING'],
}

const decisions: Record<Control, (draft: Draft) => void> = {
  start: (draft) => moveSession(draft, 'start', { queued_at: draft.now }),
  resume: (draft) => moveSession(draft, 'resume', { queued_at: draft.now, waiting: null }),
  pause: (draft) => moveSession(draft, 'pause', { settle_by: graceEnd(draft) }),
  stop: (draft) => moveSession(draft, 'stop', { settle_by: graceEnd(draft), waiting: null }),
  retry,
}

/**
 * Starts, pauses, resumes, stops or retries a session.
 * @throws not_found; illegal_transition with the actions that are legal
 */
export async function controlSession(services: Services, actor: Actor, id: string, action: Control) {
  await change(
    services,
    `session ${id}`,
    () => services.load.session(actor.tenant_id, id),
    (draft) => {
      const { state } = draft.session
      // "Already done" is said only where the table has no such action: a RUNNING session can well be paused.
      if (action === 'pause' && draft.session.waiting?.reason === tokensReason) return keepPaused(draft)
      if (alreadyDone[action].includes(state)) return
      decisions[action](draft)
    },
  )
  return readSession(services, actor, id)
}

/** What rests for the tokens of the day only is paused by the operator from now on: midnight does not resume it. */
function keepPaused(draft: Draft) {
  setSession(draft, { waiting: pausedWaiting(draft.now) })
}

const graceEnd = ({ now }: Draft) => new Date(Date.parse(now) + graceMs).toISOString()

/** Finished tasks stay finished; the others go on from their last checkpoint; what was spent stays spent. */
function retry(draft: Draft) {
  const cleared = {
    failure: null,
    waiting: null,
    ended_at: null,
    queued_at: draft.now,
    started_at: null,
    step_errors: 0,
  }
  moveSession(draft, 'retry', cleared)
  for (const task of draft.tasks.values()) {
    if (task.state !== 'FAILED' && task.state !== 'CANCELLED') continue
    reviveTask(draft, task)
  }
}

/**
 * Changes title, priority, labels, budget or approval policy while the session is not terminal. A raised budget
 * resumes it; a policy keeps the session's grants, and what is open and no longer asked goes on.
 */
export async function patchSession(
  services: Services,
  actor: Actor,
  id: string,
  patch: SessionPatch,
  expectedVersion: number | null,
) {
  await change(
    services,
    `session ${id}`,
    () => services.load.session(actor.tenant_id, id),
    (draft) => {
      const { session } = draft
      if (expectedVersion !== null && session.version !== expectedVersion) {
        const facts = { version: session.version }
        throw new OrchestratorError(
          'precondition_failed',
          `The session is at version ${session.version} by now.`,
          { details: facts },
        )
      }
      if (isTerminal(session.state)) {
        const facts = { state: session.state, action: 'update', legal_actions: [] }
        throw new OrchestratorError(
          'illegal_transition',
          `A session that is ${session.state} cannot be changed.`,
          { details: facts },
        )
      }
      const set = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      setSession(draft, set)
      note(draft, 'session.updated', set)
      if (patch.approval_policy) takePolicy(draft, patch.approval_policy, session.approval_policy)
      if (patch.priority) hurry(draft, patch.priority)
      if (
        session.state === 'PAUSED' &&
        session.waiting?.reason === 'budget_exceeded' &&
        isAffordable(draft)
      ) {
        moveSession(draft, 'resume', { queued_at: draft.now, waiting: null })
      }
    },
  )
  return readSession(services, actor, id)
}

function takePolicy(draft: Draft, policy: ApprovalPolicy, { grants }: SessionPolicy) {
  setSession(draft, { approval_policy: { ...policy, grants } })
  allowCovered(draft, 'the new policy')
}

/** A task has its session's priority: those that still wait take the new one. */
function hurry(draft: Draft, priority: Priority) {
  for (const task of draft.tasks.values())
    if (!isTaskTerminal(task.state) && task.priority !== priority) setTask(draft, task.id, { priority })
}

function isAffordable({ session }: Draft) {
  const { tokens, cost_usd } = spentLimits(session)
  return !tokens && !cost_usd
}

/** Says something to the agents that work on a session; those that come later hear it too. */
export async function sendMessage(services: Services, actor: Actor, id: string, text: string) {
  const message = { id: newId('message'), text }
  await change(
    services,
    `session ${id}`,
    () => services.load.session(actor.tenant_id, id),
    (draft) => {
      const { session } = draft
      if (isTerminal(session.state)) {
        const facts = { state: session.state, action: 'message', legal_actions: [] }
        throw new OrchestratorError(
          'illegal_transition',
          `A session that is ${session.state} hears no message.`,
          { details: facts },
        )
      }
      draft.message = message
      setSession(draft, {})
      note(draft, 'message.sent', { message_id: message.id, text })
      for (const task of draft.tasks.values()) {
        if (isHeld(task.state) && task.state !== 'ASSIGNED')
          tell(draft, task, 'MESSAGE', { message_id: message.id, text })
      }
    },
  )
  return message
}

/** Forks of a deleted session that a refusal names. */
const namedForks = 20

/**
 * Forgets a PENDING or terminal session with all that hangs on it.
 * @throws not_found; illegal_transition; has_forks while the history of others begins with its own
 */
export async function deleteSession(services: Services, actor: Actor, id: string) {
  const { state } = await readSession(services, actor, id)
  const rows = await services.database
    .transaction(actor.tenant_id, (query) =>
      query({
        name: 'delete_session',
        text: /* sql */ `
          delete from session where id = $1::text and state in ('PENDING', 'COMPLETED', 'FAILED', 'STOPPED') returning id`,
        values: [id],
      }),
    )
    .catch(async (cause: unknown) => {
      // Postgres refuses it by the foreign key, also when the fork came between the look and the delete.
      throw (await forksOf(services, actor, id)) ?? cause
    })
  if (rows.length > 0) return services.bells.ring([channelOf.fleet(actor.tenant_id)])
  const facts = { state, action: 'delete', legal_actions: [] }
  throw new OrchestratorError(
    'illegal_transition',
    `A session that is ${state} cannot be deleted; stop it first.`,
    {
      details: facts,
    },
  )
}

async function forksOf(services: Services, actor: Actor, id: string) {
  const rows = await services.database.query<{ id: string }>(actor.tenant_id, {
    name: 'forks_of_session',
    text: `select id from session where parent_id = $1::text order by id limit ${namedForks}`,
    values: [id],
  })
  if (rows.length === 0) return null
  const forks = rows.map((row) => row.id)
  const message = `The history of its forks begins with its own: delete ${forks.join(', ')} first.`
  return new OrchestratorError('has_forks', message, { details: { forks } })
}
