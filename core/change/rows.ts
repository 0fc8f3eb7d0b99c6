import type { Columns } from '#core/database/columns'
import { pageText } from '#core/event/event'
import { newId } from '#core/id'
import type { Session } from '#core/session/session'
import { unassigned } from '#core/task/blank'
import type { Task } from '#core/task/task'
import type { Reserved } from '#core/usage/budget'
import type { Draft } from './draft.ts'

/** Columns of a session that few decisions change: they are sent, and written, only with one that does. */
export const rare = [
  'title',
  'priority',
  'budget',
  'labels',
  'approval_policy',
  'base_commit',
  'base_artifact_id',
  'waiting',
  'settle_by',
  'rehearsal',
  'result',
  'failure',
  'queued_at',
  'started_at',
  'ended_at',
] as const satisfies (keyof Session)[]

/** Columns of a session that a decision may change; usage and reserved only when they did. One literal: objects spread into one another cost ten times as much. */
export function sessionRow(draft: Draft) {
  const { session, before, events, trigger } = draft
  const { id, tenant_id, version, state, wake_at } = session
  const { attempts_finished, attempts_succeeded, step_errors } = session
  const usage = ifChanged(session.usage, before.usage)
  const whole = rare.some((column) => session[column] !== before[column])
  const row = {
    id,
    tenant_id,
    version,
    state,
    wake_at,
    usage,
    reserved: ifChanged(session.reserved, before.reserved),
    attempts_finished,
    attempts_succeeded,
    step_errors,
    whole,
    admits: isAdmission(draft),
    count: events.length,
    trigger,
    checkpoint_id: trigger ? newId('checkpoint') : undefined,
  }
  return whole ? Object.assign(row, Object.fromEntries(rare.map((column) => [column, session[column]]))) : row
}

/** Whether it takes a place among those that run. */
function isAdmission({ before, session }: Draft) {
  return before.state === 'QUEUED' && (session.state === 'RUNNING' || session.state === 'PAUSING')
}

/** What is undefined is not in the JSON. */
const ifChanged = <T>(value: T, before: T | undefined) => (value === before ? undefined : value)
const ifSet = <T>(value: T | null) => value ?? undefined

/** Its page as a line, empty where there is none. */
export function pageOf({ events }: Draft) {
  return events.length > 0 ? pageText(events) : ''
}

/** What its checkpoint stores, as a line, empty where there is none. */
export function changedIn(draft: Draft) {
  const { session, before, trigger } = draft
  if (!trigger) return ''
  const { state, version } = session
  const usage = ifChanged(session.usage, before.usage)
  return JSON.stringify({ session: { state, version: version + 1, usage }, tasks: touchedTasks(draft) })
}

/** What every task that moves is sent with, and `rest` for what few do: see `restOf`. */
export const movedColumns = {
  session: 'int',
  id: 'text',
  state: 'text',
  attempt: 'int',
  last_batch: 'int',
  agent_id: 'text',
  agent_incarnation: 'int',
  deadline: 'timestamptz',
  ready_at: 'timestamptz',
  started_at: 'timestamptz',
  rest: 'json',
} as const satisfies Columns

/** Columns of a task that a decision may change: its words stay as they were made. */
function movedRow({ tasks, were }: Draft, id: string, session: number) {
  const task = tasks.get(id)
  const before = were.get(id)
  if (!task || !before) return []
  const { state, attempt, last_batch, agent_id, agent_incarnation } = task
  const { deadline, ready_at, started_at } = task
  const rest = restOf(task, before)
  // One literal, as everywhere here: spread into another it costs ten times as much.
  return [
    {
      session,
      id,
      state,
      attempt,
      last_batch,
      agent_id,
      agent_incarnation,
      deadline,
      ready_at,
      started_at,
      rest,
    },
  ]
}

/** One that is missing stays as it is where it is never null, and is null where it may be. */
function restOf(task: Task, before: Task) {
  const rest = {
    priority: ifChanged(task.priority, before.priority),
    failures: ifChanged(task.failures, before.failures),
    losses: ifChanged(task.losses, before.losses),
    depends_on: ifChanged(task.depends_on, before.depends_on),
    usage: ifChanged(task.usage, before.usage),
    reserved: isSame(task.reserved, before.reserved) ? undefined : task.reserved,
    waiting: ifSet(task.waiting),
    failed_agent_id: ifSet(task.failed_agent_id),
    not_before: ifSet(task.not_before),
    result: ifSet(task.result),
    error: ifSet(task.error),
    ended_at: ifSet(task.ended_at),
  }
  return Object.values(rest).some((value) => value !== undefined) ? rest : null
}

const isSame = (a: Reserved, b: Reserved) => a.tokens === b.tokens && a.cost_usd === b.cost_usd

/** Of a new task what tells it from one that nobody was assigned yet; the statement knows the rest. */
function madeRow({ tasks }: Draft, id: string) {
  const task = tasks.get(id)
  if (!task) return []
  const row: Partial<Task> = { ...task }
  for (const column of blankColumns) if (row[column] === unassigned[column]) delete row[column]
  return [row]
}

const blankColumns = Object.keys(unassigned) as (keyof typeof unassigned)[]

/**
 * What a checkpoint stores of each task that moved: what has changed; of a new one also what it is. A fork stands it
 * up again with this, the texts that never change (instruction, checks) and the result of what is COMPLETED, both in
 * its row.
 */
function touchedTasks({ touched, were, tasks }: Draft) {
  return [...touched].flatMap((id) => {
    const task = tasks.get(id)
    if (!task) return []
    const { key, state, attempt, failures, losses, agent_id, result } = task
    const { parent_id, kind, title, capability, depends_on } = task
    const commit = result?.commit ?? null
    const before = were.get(id)
    if (!before) {
      const what = { parent_id, kind, title, capability, depends_on }
      return [{ id, key, ...what, state, attempt, failures, losses, agent_id, commit }]
    }
    return [
      {
        id,
        key,
        state,
        depends_on: ifChanged(depends_on, before.depends_on),
        attempt: ifChanged(attempt, before.attempt),
        failures: ifChanged(failures, before.failures),
        losses: ifChanged(losses, before.losses),
        agent_id: ifChanged(agent_id, before.agent_id),
        commit: ifChanged(commit, before.result?.commit ?? null),
      },
    ]
  })
}

export const slotColumns = {
  session: 'int',
  agent_id: 'text',
  incarnation: 'int',
  take: 'int',
  give: 'int',
  outcome: 'text',
  capability: 'text',
} as const satisfies Columns

export const inboxColumns = {
  session: 'int',
  id: 'text',
  agent_id: 'text',
  kind: 'text',
  task_id: 'text',
  attempt: 'int',
  data: 'json',
} as const satisfies Columns

/** All that hangs on the sessions that are sent; each names its session by its place among them, from 1. */
export function rowsOf(drafts: Draft[]) {
  return {
    made: drafts.flatMap((draft) => [...draft.made].flatMap((id) => madeRow(draft, id))),
    moved: drafts.flatMap((draft, i) => [...draft.touched].flatMap((id) => movedRow(draft, id, i + 1))),
    slots: drafts.flatMap(({ slots }, i) => slots.map((slot) => ofSession(i + 1, slot))),
    inbox: drafts.flatMap(({ inbox }, i) => inbox.map((item) => ofSession(i + 1, item))),
    messages: drafts.flatMap(({ message }, i) => (message ? [ofSession(i + 1, message)] : [])),
    approvals: drafts.flatMap(({ touchedApprovals, approvals }) =>
      [...touchedApprovals].map((id) => approvals.get(id)),
    ),
  }
}

const ofSession = <T extends object>(session: number, part: T) => Object.assign({ session }, part)
