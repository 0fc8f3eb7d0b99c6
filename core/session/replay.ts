import type { Event, NewEvent } from '#core/event/event'
import type { Task } from '#core/task/task'
import { addUsage, noUsage, type Usage } from '#core/usage/usage'
import type { Session } from './session.ts'

/** What events alone tell of a task. */
export type ReplayedTask = Pick<
  Task,
  'id' | 'key' | 'kind' | 'title' | 'capability' | 'depends_on' | 'parent_id' | 'state'
> &
  Pick<Task, 'attempt' | 'failures' | 'losses' | 'agent_id' | 'error' | 'usage'> & { commit: string | null }

/** What events alone tell of a session. */
export type Replayed = Pick<
  Session,
  'title' | 'priority' | 'labels' | 'budget' | 'state' | 'failure' | 'usage'
> & {
  branch: string | null
  commit: string | null
  tasks: Map<string, ReplayedTask>
}

type Facts = Record<string, unknown>

/**
 * Rebuilds a session and its tasks from its whole history, oldest first. Pure. A fork's history begins with its
 * parent's; `session.forked` starts afresh.
 * @returns null when the history does not begin with the making of a session
 */
export function replay(events: Iterable<Event | NewEvent>): Replayed | null {
  let state: Replayed | null = null
  for (const event of events) {
    const data: Facts = { ...event.data }
    if (event.type === 'session.created' || event.type === 'session.forked') state = made(data)
    else if (state) apply(state, event, data)
  }
  return state
}

/** The one place that takes facts for what their writer wrote; the tests hold it equal to the stored rows. */
function made(data: Facts): Replayed {
  const { title, priority, labels, budget } = data as Pick<
    Session,
    'title' | 'priority' | 'labels' | 'budget'
  >
  const empty = { failure: null, usage: noUsage, branch: null, commit: null }
  return { title, priority, labels, budget, state: 'PENDING', ...empty, tasks: new Map() }
}

function apply(session: Replayed, event: Event | NewEvent, data: Facts) {
  const { type, task_id } = event
  if (type === 'task.created' && task_id) session.tasks.set(task_id, madeTask(task_id, data))
  const task = task_id ? session.tasks.get(task_id) : undefined
  if (type === 'usage.reported') return spend(session, task, { ...noUsage, ...data })
  if (type === 'session.updated') return update(session, data)
  if (type.startsWith('session.')) moveSession(session, type, data)
  else if (task && type !== 'task.created' && type.startsWith('task.')) moveTask(task, event, data)
}

/** What it says of the approval policy is no part of a replay. */
function update(session: Replayed, { approval_policy: _policy, ...data }: Facts) {
  Object.assign(session, data)
}

function spend(session: Replayed, task: ReplayedTask | undefined, usage: Usage) {
  session.usage = addUsage(session.usage, usage)
  if (task) task.usage = addUsage(task.usage, usage)
}

function moveSession(session: Replayed, type: string, data: Facts) {
  const { to, code, message, task_id, branch, commit } = data as Facts &
    Partial<NonNullable<Session['failure']>>
  session.state = to as Session['state']
  if (type === 'session.failed' && code && message)
    session.failure = { code, message, task_id: task_id ?? null }
  if (type === 'session.retried') session.failure = null
  if (type !== 'session.completed') return
  session.branch = textOf(branch)
  session.commit = textOf(commit)
}

function madeTask(id: string, data: Facts): ReplayedTask {
  const { key, kind, title, capability, depends_on, parent_id, state } = data as Pick<Task, 'key' | 'kind'> &
    Pick<Task, 'title' | 'capability' | 'depends_on' | 'parent_id' | 'state'>
  const what = { id, key, kind, title, capability, depends_on, parent_id, state }
  const counters = { attempt: 0, failures: 0, losses: 0, agent_id: null, error: null, usage: noUsage }
  return { ...what, ...counters, commit: textOf(data.commit) }
}

/** What says with which commit a task's own run has ended. */
const handedIn: ReadonlySet<string> = new Set(['task.completed', 'task.waiting_children'])

/** Whoever holds a task after a transition is named by its event; nobody else does. */
function moveTask(task: ReplayedTask, { type, agent_id }: Event | NewEvent, data: Facts) {
  const revived = data.from === 'FAILED' || data.from === 'CANCELLED'
  task.state = data.to as Task['state']
  task.agent_id = agent_id ?? null
  if (Array.isArray(data.depends_on)) task.depends_on = data.depends_on.map(String)
  if (type === 'task.assigned') task.attempt = numberOf(data.attempt, task.attempt)
  task.failures = revived ? 0 : numberOf(data.failures, task.failures)
  task.losses = revived ? 0 : numberOf(data.losses, task.losses)
  if (type === 'task.failed') task.error = { code: String(data.code), message: String(data.message) }
  else if (type === 'task.cancelled') task.error = { code: 'cancelled', message: String(data.reason) }
  else if (handedIn.has(type) || revived) task.error = null
  if (handedIn.has(type)) task.commit = textOf(data.commit)
}

const numberOf = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise)
const textOf = (value: unknown) => (typeof value === 'string' ? value : null)
