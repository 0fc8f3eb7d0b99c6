import { defaultTenant } from '#core/actor'
import type { Agent } from '#core/agent/agent'
import { automatic } from '#core/approval/policy'
import { type Draft, draftOf, type Known } from '#core/change/draft'
import { newId } from '#core/id'
import type { Plan } from '#core/plan/plan'
import type { Holders } from '#core/session/advance'
import type { Session } from '#core/session/session'
import { unassigned } from '#core/task/blank'
import type { Task } from '#core/task/task'
import { noBudget, nothingReserved } from '#core/usage/budget'
import { noUsage } from '#core/usage/usage'

/** What a decision knows, made by hand. Times are seconds after one fixed start. */
export function at(seconds: number) {
  return new Date(Date.UTC(2030, 0, 1) + seconds * 1000).toISOString()
}

export function aSession(set: Partial<Session> = {}): Session {
  return {
    tenant_id: defaultTenant,
    id: newId('session'),
    title: 'Goal',
    prompt: 'Reach it.',
    priority: 'MEDIUM',
    repository: null,
    base_commit: null,
    base_artifact_id: null,
    plan: null,
    budget: noBudget,
    labels: [],
    approval_policy: automatic,
    state: 'RUNNING',
    waiting: null,
    wake_at: null,
    settle_by: null,
    version: 1,
    last_seq: 1,
    checkpoint_number: 1,
    rehearsal: null,
    usage: noUsage,
    reserved: nothingReserved,
    attempts_finished: 0,
    attempts_succeeded: 0,
    result: null,
    failure: null,
    step_errors: 0,
    parent: null,
    created_at: at(0),
    updated_at: at(0),
    queued_at: at(0),
    started_at: at(0),
    ended_at: null,
    ...set,
  }
}

export function aTask(key: string, set: Partial<Task> = {}): Task {
  return {
    tenant_id: defaultTenant,
    id: newId('task'),
    session_id: '',
    parent_id: null,
    key,
    kind: 'WORK',
    title: `Do ${key}`,
    instruction: 'Do it.',
    capability: 'CODE_GENERATION',
    depends_on: [],
    checks: [],
    priority: 'MEDIUM',
    state: 'READY',
    ...unassigned,
    created_at: at(0),
    ready_at: at(0),
    ...set,
  }
}

/** A task in the hands of an agent, at its first attempt unless said otherwise. */
export function aHeldTask(key: string, agent: Agent, set: Partial<Task> = {}): Task {
  const holder = { agent_id: agent.id, agent_incarnation: agent.incarnation }
  return aTask(key, { state: 'RUNNING', attempt: 1, deadline: at(7_200), ...holder, ...set })
}

export function anAgent(name: string, set: Partial<Agent> = {}): Agent {
  return {
    tenant_id: defaultTenant,
    id: newId('agent'),
    name,
    engine: { name: 'scripted', version: '1', model: 'none', rehearsal: true },
    capabilities: ['PLANNING', 'CODE_GENERATION', 'INTEGRATION'],
    capacity: 1,
    labels: [],
    state: 'ONLINE',
    active: 0,
    incarnation: 1,
    finished: 0,
    succeeded: 0,
    recent: '',
    proven: {},
    repositories: [],
    registered_at: at(0),
    last_heartbeat_at: at(0),
    ...set,
  }
}

export function known(session: Session, tasks: Task[], seconds = 0): Known {
  return {
    session,
    tasks: tasks.map((task) => ({ ...task, session_id: session.id })),
    now: at(seconds),
  }
}

export const holdersOf = (...agents: Agent[]): Holders =>
  new Map(agents.map(({ id, state, incarnation }) => [id, { state, incarnation }]))

export function aDraft(session: Session, tasks: Task[] = [], seconds = 0): Draft {
  return draftOf(known(session, tasks, seconds))
}

/** A plan of tasks, each named with the keys that it depends on. */
export function planOf(...keys: (readonly [string, ...string[]])[]): Plan {
  const tasks = keys.map(([key, ...depends_on]) => ({
    key,
    title: `Do ${key}`,
    instruction: 'Do it.',
    capability: 'CODE_GENERATION',
    depends_on,
    checks: [],
  }))
  return { summary: '', tasks }
}

/** Freezes a value and all that hangs on it, so that whoever writes to it throws. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}

export function taskNamed(draft: Draft, key: string): Task {
  const task = [...draft.tasks.values()].find((one) => one.key === key)
  if (!task) throw new Error(`no task "${key}"`)
  return task
}

export const typesOf = ({ events }: Draft) => events.map(({ type }) => type)
