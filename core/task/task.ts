import type * as z from 'zod'
import type { Check, Plan } from '#core/plan/plan'
import type { Priority } from '#core/priority'
import type { Waiting } from '#core/session/session'
import type { Reserved } from '#core/usage/budget'
import type { Usage } from '#core/usage/usage'
import type { TaskState } from './states.ts'

export const taskKinds = ['PLAN', 'WORK', 'MERGE', 'INTEGRATION'] as const
export type TaskKind = (typeof taskKinds)[number]

export type TaskResult = {
  summary: string
  commit: string | null
  artifact_id: string | null
  patch_artifact_id: string | null
  diff: { files: number; insertions: number; deletions: number } | null
  checks: { command: string; exit_code: number | null; seconds: number; output_tail: string }[]
  plan?: Plan | undefined
  branch?: string | null | undefined
  push_reason?: string | null | undefined
}

/** The last snapshot of running work: the files and the engine's memory. */
export type WorkState = {
  number: number
  artifact_id: string | null
  commit: string | null
  engine: Record<string, z.core.util.JSONType>
}

/** A task as it is stored and as it is answered. */
export type Task = {
  tenant_id: string
  id: string
  session_id: string
  parent_id: string | null
  key: string
  kind: TaskKind
  title: string
  instruction: string
  capability: string
  depends_on: string[]
  checks: Check[]
  priority: Priority
  state: TaskState
  waiting: Waiting | null
  /** The number of the latest assignment: the fence that every call of a worker quotes. */
  attempt: number
  failures: number
  losses: number
  agent_id: string | null
  agent_incarnation: number | null
  /** The agent whose attempt failed last: another one is preferred. */
  failed_agent_id: string | null
  /** READY: not offered before this (backoff). */
  not_before: string | null
  /** ASSIGNED: the offer's end. RUNNING: the attempt's end. */
  deadline: string | null
  last_batch: number
  work: WorkState | null
  usage: Usage
  /** Its part of what the session has reserved, while an agent holds it. */
  reserved: Reserved
  result: TaskResult | null
  error: { code: string; message: string } | null
  created_at: string
  ready_at: string | null
  started_at: string | null
  ended_at: string | null
}

/** Limits of a task. Numbers of tries are from the domain; times are what a person would wait for. */
export const limits = {
  failures: 3,
  losses: 5,
  /** Merge conflicts of one session that are resolved by tasks of their own. */
  merges: 100,
  /** Checks of one task: those of its plan, or of all that it joins. */
  checks: 50,
  offer_ms: 30_000,
  run_ms: 2 * 3_600_000,
  /** Backoff after the n-th failure: 2 s, 4 s, … at most a minute. */
  backoff_ms: (failures: number) => Math.min(60_000, 1_000 * 2 ** failures),
}
