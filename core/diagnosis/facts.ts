import type { Agent } from '#core/agent/agent'
import type { Session } from '#core/session/session'
import type { Task } from '#core/task/task'

/** Who must act for a wait to end. */
export const owners = ['operator', 'agent', 'engine', 'fleet', 'timer'] as const
export type Owner = (typeof owners)[number]

export const partKinds = [
  'session',
  'task',
  'agent',
  'capability',
  'approval',
  'quota',
  'budget',
  'timer',
] as const

/** One thing on the way from the session down to what it waits for; other fields are facts of its kind. */
export type Part = { kind: (typeof partKinds)[number]; id: string; state: string; [fact: string]: unknown }

/** Why nothing ends yet. One whose owner is an agent, the engine or a timer always has an `until`. */
export type Wait = {
  reason: string
  /** One sentence that a person can act on. */
  sentence: string
  owner: Owner
  since: string
  until: string | null
  /** What would end it, the likeliest first. */
  moves: string[]
  /** From the session down to what it waits for. */
  path: Part[]
}

export type KnownSession = Pick<
  Session,
  | 'id'
  | 'tenant_id'
  | 'state'
  | 'labels'
  | 'budget'
  | 'usage'
  | 'reserved'
  | 'waiting'
  | 'failure'
  | 'result'
  | 'settle_by'
  | 'wake_at'
  | 'step_errors'
> &
  Pick<Session, 'created_at' | 'updated_at' | 'queued_at' | 'started_at' | 'ended_at'>

export type KnownTask = Pick<
  Task,
  'id' | 'key' | 'title' | 'kind' | 'state' | 'capability' | 'depends_on' | 'parent_id' | 'waiting'
> &
  Pick<Task, 'attempt' | 'agent_id' | 'agent_incarnation' | 'failed_agent_id' | 'not_before' | 'deadline'> &
  Pick<Task, 'created_at' | 'ready_at' | 'started_at'>

export type KnownAgent = Pick<
  Agent,
  'id' | 'name' | 'state' | 'capabilities' | 'labels' | 'capacity' | 'active' | 'recent' | 'incarnation'
>

/** The tenant's queue as one session sees it: how many wait before it, run, and may run; and until when none may for want of tokens. */
export type QueuePlace = { before: number; running: number; limit: number; tokens_until: string | null }

/** What a diagnosis is made of; `now` is the database's clock. */
export type Facts = {
  session: KnownSession
  /** Its tasks that have not ended; others may be among them. */
  tasks: readonly KnownTask[]
  /** All agents of the tenant that are not OFFLINE, and those that hold a task of the session. */
  agents: readonly KnownAgent[]
  /** Who gave a sign of life lately, or null while that is not known: then nobody counts as silent. */
  alive: ReadonlySet<string> | null
  queue: QueuePlace
  now: string
}
