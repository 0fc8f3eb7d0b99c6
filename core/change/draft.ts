import type { Approval } from '#core/approval/approval'
import * as approvalStates from '#core/approval/states'
import { OrchestratorError } from '#core/error'
import type { EventType, NewEvent } from '#core/event/event'
import { newId } from '#core/id'
import type { Session } from '#core/session/session'
import * as sessionStates from '#core/session/states'
import * as taskStates from '#core/task/states'
import type { Task } from '#core/task/task'
import type { CheckpointTrigger } from '#core/task/wire'
import { lessReserved, nothingReserved } from '#core/usage/budget'

/** What is known of one session when something is decided. `now` is the database's clock. */
export type Known = {
  session: Session
  tasks: Task[]
  approvals?: Approval[]
  doers?: Doers
  /** When the tenant's tokens of the day begin anew, where they are used up. */
  tokens_until?: string | null
  now: string
}

/** Agents by the keys of the tasks that they finished. */
export type Doers = Record<string, string>

/** A slot of an agent that is taken or given back, or goes on to the session's next task (both); `outcome` counts a finished attempt of a capability: '1' success, '0' failure. */
export type Slot = {
  agent_id: string
  incarnation: number
  take: 0 | 1
  give: 0 | 1
  outcome: '' | '0' | '1'
  capability: string
}

export type InboxKind = 'OFFER' | 'INTERRUPT' | 'ANSWER' | 'MESSAGE'
export type NewInboxItem = {
  id: string
  agent_id: string
  kind: InboxKind
  task_id: string | null
  attempt: number | null
  data: Record<string, unknown>
}

/** A decision in the making: copies of what was known, and everything that one commit is to store. */
export type Draft = {
  session: Session
  /** As it was loaded: what of it did not change need not be sent. */
  before: Session
  tasks: Map<string, Task>
  now: string
  /** Who did those tasks that it does not hold itself. */
  doers: Doers
  /** When its tenant may go on, whose tokens of the day are used up; else null. */
  tokens_until: string | null
  /** What was open of it when it was loaded, and what is new. */
  approvals: Map<string, Approval>
  touchedApprovals: Set<string>
  /** Ids of tasks that are new or changed. */
  touched: Set<string>
  /** Those that changed, as they were loaded: what of them did not change need not be stored again. */
  were: Map<string, Task>
  /** Those of them that are new. */
  made: Set<string>
  sessionTouched: boolean
  events: NewEvent[]
  inbox: NewInboxItem[]
  slots: Slot[]
  trigger: CheckpointTrigger | null
  message: { id: string; text: string } | null
  /** Nothing follows from it: the engine need not look before the deadline that it has set itself. */
  quiet: boolean
}

export function draftOf(known: Known): Draft {
  return {
    session: { ...known.session },
    before: known.session,
    tasks: new Map(known.tasks.map((task) => [task.id, task])),
    now: known.now,
    doers: known.doers ?? {},
    tokens_until: known.tokens_until ?? null,
    approvals: new Map((known.approvals ?? []).map((approval) => [approval.id, approval])),
    touchedApprovals: new Set(),
    touched: new Set(),
    were: new Map(),
    made: new Set(),
    sessionTouched: false,
    events: [],
    inbox: [],
    slots: [],
    trigger: null,
    message: null,
    quiet: false,
  }
}

/** Whether there is anything to store. */
export function isChanged(draft: Draft) {
  return draft.sessionTouched || draft.touched.size > 0 || draft.events.length > 0 || draft.inbox.length > 0
}

const sessionEvents = {
  start: 'session.queued',
  admit: 'session.running',
  pause: 'session.pausing',
  resume: 'session.queued',
  stop: 'session.stopping',
  settle_pause: 'session.paused',
  settle_stop: 'session.stopped',
  complete: 'session.completed',
  fail: 'session.failed',
  retry: 'session.retried',
} as const satisfies Record<sessionStates.SessionAction, EventType>

const taskEvents = {
  unblock: 'task.ready',
  assign: 'task.assigned',
  claim: 'task.running',
  decline: 'task.ready',
  expire: 'task.ready',
  withdraw: 'task.ready',
  ask: 'task.awaiting_input',
  answer: 'task.running',
  await_children: 'task.waiting_children',
  join_children: 'task.completed',
  complete: 'task.completed',
  fail_attempt: 'task.failed',
  fail: 'task.failed',
  lose: 'task.lost',
  release: 'task.released',
  await_merge: 'task.blocked',
  revive: 'task.ready',
  cancel: 'task.cancelled',
} as const satisfies Record<taskStates.TaskAction, EventType>

/** Takes an action of the session's table. @throws illegal_transition with the actions that are legal */
export function moveSession(
  draft: Draft,
  action: sessionStates.SessionAction,
  set: Partial<Session>,
  data: Record<string, unknown> = {},
) {
  const from = draft.session.state
  if (!sessionStates.isLegal(from, action)) throw illegalSession(draft.session, action)
  const { to } = sessionStates.transitions[action]
  draft.session = { ...draft.session, ...set, state: to }
  draft.sessionTouched = true
  draft.trigger ??= 'TRANSITION'
  note(draft, sessionEvents[action], { from, to, ...data })
}

/** Sets what is no state of the session: a reason, a limit, a title. */
export function setSession(draft: Draft, set: Partial<Omit<Session, 'state'>>) {
  draft.session = { ...draft.session, ...set }
  draft.sessionTouched = true
}

/**
 * Takes an action of the task's table; `to` overrides the table where it has a second ending.
 * Leaving a held state gives the agent's slot back, and what the task has reserved and not spent.
 */
export function moveTask(
  draft: Draft,
  id: string,
  action: taskStates.TaskAction,
  set: Partial<Task>,
  data: Record<string, unknown> = {},
  outcome: '' | '0' | '1' = '',
) {
  const task = draft.tasks.get(id)
  if (!task) throw new OrchestratorError('internal', `The decision knows no task ${id}.`)
  if (!taskStates.isLegal(task.state, action)) throw illegalTask(task, action)
  // A copy that is then set: objects spread into one another cost ten times as much, and one look may move thousands.
  const moved: Task = { ...task }
  moved.waiting = null
  moved.state = taskStates.transitions[action].to
  Object.assign(moved, set)
  if (taskStates.isHeld(task.state) && !taskStates.isHeld(moved.state)) {
    giveSlot(draft, task, outcome)
    withdrawApprovals(draft, id)
    draft.session = { ...draft.session, reserved: lessReserved(draft.session.reserved, task.reserved) }
    moved.reserved = nothingReserved
  }
  touch(draft, task, moved)
  draft.trigger ??= 'TRANSITION'
  const event = Object.assign({ key: task.key, from: task.state, to: moved.state }, data)
  note(draft, taskEvents[action], event, moved)
  return moved
}

/** Opens an approval. */
export function addApproval(draft: Draft, approval: Approval) {
  draft.approvals.set(approval.id, approval)
  draft.touchedApprovals.add(approval.id)
}

/** Takes an action of the approval's table. */
export function moveApproval(
  draft: Draft,
  id: string,
  action: approvalStates.ApprovalAction,
  set: Partial<Pick<Approval, 'answer' | 'answered_by'>>,
) {
  const approval = draft.approvals.get(id)
  if (!approval || !approvalStates.isLegal(approval.state, action))
    throw new OrchestratorError('internal', `The decision cannot ${action} approval ${id}.`)
  const { to } = approvalStates.transitions[action]
  draft.approvals.set(id, { ...approval, ...set, state: to, closed_at: draft.now })
  draft.touchedApprovals.add(id)
}

/** Nobody waits for the answers any more: the attempt has ended. */
function withdrawApprovals(draft: Draft, task_id: string) {
  for (const { id, task_id: asker, state } of draft.approvals.values())
    if (asker === task_id && state === 'OPEN') moveApproval(draft, id, 'withdraw', {})
}

export function setTask(draft: Draft, id: string, set: Partial<Omit<Task, 'state'>>) {
  const task = draft.tasks.get(id)
  if (!task) throw new OrchestratorError('internal', `The decision knows no task ${id}.`)
  touch(draft, task, { ...task, ...set })
}

function touch(draft: Draft, old: Task, task: Task) {
  if (!draft.touched.has(task.id)) draft.were.set(task.id, old)
  draft.touched.add(task.id)
  draft.tasks.set(task.id, task)
}

export function addTask(draft: Draft, task: Task) {
  draft.tasks.set(task.id, task)
  draft.touched.add(task.id)
  draft.made.add(task.id)
  draft.trigger ??= 'TRANSITION'
  const { key, title, capability, depends_on, state, parent_id, kind } = task
  note(draft, 'task.created', { key, title, capability, depends_on, state, parent_id, kind }, task)
}

/** Appends an event to the page that the commit writes. */
export function note(draft: Draft, type: EventType, data: Record<string, unknown>, task?: Task) {
  const at = draft.now
  if (!task) draft.events.push({ at, type, data })
  else if (!task.agent_id) draft.events.push({ at, type, task_id: task.id, data })
  else draft.events.push({ at, type, task_id: task.id, agent_id: task.agent_id, data })
}

/** Puts an item into the inbox of the agent that holds the task. */
export function tell(draft: Draft, task: Task, kind: InboxKind, data: Record<string, unknown>) {
  if (!task.agent_id) return
  draft.inbox.push({
    id: newId('inbox'),
    agent_id: task.agent_id,
    kind,
    task_id: task.id,
    attempt: task.attempt,
    data,
  })
}

/** What agents are told says which request it came of, where that is known. */
export function nameRequest(draft: Draft, request_id: string | undefined) {
  if (request_id === undefined) return
  draft.inbox = draft.inbox.map((item) => ({ ...item, data: { ...item.data, request_id } }))
}

function giveSlot(draft: Draft, task: Task, outcome: Slot['outcome']) {
  if (!task.agent_id) return
  draft.slots.push({
    agent_id: task.agent_id,
    incarnation: task.agent_incarnation ?? 0,
    take: 0,
    give: 1,
    outcome,
    capability: task.capability,
  })
}

function illegalSession(session: Session, action: sessionStates.SessionAction) {
  const legal = sessionStates.legalActions(session.state, 'operator')
  return new OrchestratorError(
    'illegal_transition',
    `A session that is ${session.state} cannot ${action}; ${legal.length ? `it can ${legal.join(', ')}` : 'nothing leaves that state'}.`,
    { details: { state: session.state, action, legal_actions: legal } },
  )
}

function illegalTask(task: Task, action: taskStates.TaskAction) {
  const legal = taskStates.legalActions(task.state)
  return new OrchestratorError(
    'illegal_transition',
    `A task that is ${task.state} cannot ${action}; it can ${legal.join(', ') || 'do nothing more'}.`,
    { details: { state: task.state, action, legal_actions: legal } },
  )
}
