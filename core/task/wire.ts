import * as z from 'zod'
import { idOf } from '#core/id'
import { Plan, PlannedTask } from '#core/plan/plan'
import { Usage } from '#core/usage/usage'
import { Attempt, Batch } from './attempt.ts'
import { taskStates } from './states.ts'
import { limits, taskKinds } from './task.ts'

/** The bodies of the workers' calls on a task. Each quotes the attempt it acts for: the fence. */
const attempt = Attempt
const batch = Batch
const commit = z.string().regex(/^[0-9a-f]{40}$|^[0-9a-f]{64}$/, 'must be a full git commit id')

export const LogStream = z.enum(['thought', 'text', 'tool', 'stdout', 'stderr', 'system'])

export const LogData = z.strictObject({
  stream: LogStream,
  text: z.string(),
  tool: z.string().max(200).optional(),
  status: z.enum(['running', 'completed', 'error']).optional(),
  call: z.string().max(200).optional(),
  part: z.int().min(0).optional(),
  more: z.boolean().optional(),
})
export type LogData = z.infer<typeof LogData>

export const LogEvent = z.strictObject({ type: z.literal('log'), at: z.iso.datetime(), data: LogData })

export const EventBatch = z.strictObject({
  attempt,
  batch: batch.min(1),
  events: z.array(LogEvent).max(500),
  usage: Usage.optional(),
})
export type EventBatch = z.infer<typeof EventBatch>

export const EventBatchAnswer = z.strictObject({
  last_batch: z.int(),
  action: z.enum(['continue', 'pause', 'stop']),
})

export const Claim = z.strictObject({ attempt })
export const Decline = z.strictObject({ attempt, reason: z.string().max(1_000) })

/** Accepted commits that git could not merge. */
export const MergeConflict = z.strictObject({
  /** The tasks they are of: those whose commits go together, in order, and then the one that met the conflict. */
  keys: z.array(z.string().max(100)).min(2).max(1_000),
  /** What the former make together, and the latter's. */
  commits: z.tuple([commit, commit]),
  /** The first of them; an event names them all. */
  files: z.array(z.string().min(1).max(400)).min(1).max(40),
})
export type MergeConflict = z.infer<typeof MergeConflict>

export const Release = z.strictObject({
  attempt,
  batch,
  reason: z.string().max(1_000),
  /** Why it cannot begin: it waits then for a task that resolves this. */
  conflict: MergeConflict.optional(),
})
export type Release = z.infer<typeof Release>

/** The engine's own handle on its memory (session id, message ids, history artifact): opaque to us. */
const EngineState = z.record(z.string(), z.json())

export const checkpointTriggers = [
  'SESSION_STARTED',
  'PLAN_ACCEPTED',
  'TASK_STARTED',
  'AFTER_TOOL_USE',
  'PERIODIC',
  'TASK_COMPLETED',
  'TASK_FAILED',
  'BEFORE_PAUSE',
  'BEFORE_STOP',
  'APPROVAL',
  'MANUAL',
  'RECOVERY',
  'TRANSITION',
] as const
export type CheckpointTrigger = (typeof checkpointTriggers)[number]

export const WorkCheckpoint = z.strictObject({
  attempt,
  trigger: z.enum(['AFTER_TOOL_USE', 'PERIODIC', 'BEFORE_PAUSE', 'BEFORE_STOP', 'MANUAL']),
  artifact_id: idOf('artifact').nullable(),
  commit: commit.nullable(),
  engine: EngineState,
  size: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
})
export type WorkCheckpoint = z.infer<typeof WorkCheckpoint>

export const DiffStat = z.strictObject({
  files: z.int().min(0),
  insertions: z.int().min(0),
  deletions: z.int().min(0),
})

export const CheckResult = z.strictObject({
  command: z.string(),
  exit_code: z.int().nullable(),
  seconds: z.number().min(0),
  output_tail: z.string().max(8_000),
})

export const Complete = z.strictObject({
  attempt,
  batch,
  summary: z.string().max(20_000),
  commit: commit.nullable(),
  base_commit: commit.nullable(),
  artifact_id: idOf('artifact').nullable(),
  patch_artifact_id: idOf('artifact').nullable(),
  diff: DiffStat.nullable(),
  checks: z.array(CheckResult).max(limits.checks).default([]),
  plan: Plan.optional(),
  branch: z.string().max(300).nullable().optional(),
  push: z.strictObject({ pushed: z.boolean(), reason: z.string().max(2_000).optional() }).optional(),
})
export type Complete = z.infer<typeof Complete>

export const attemptFailures = [
  'check_failed',
  'engine_failed',
  'repository_unavailable',
  'plan_missing',
  'push_refused',
  'timeout',
] as const

export const Fail = z.strictObject({
  attempt,
  batch,
  code: z.enum(attemptFailures),
  message: z.string().min(1).max(4_000),
  retryable: z.boolean(),
  usage: Usage.optional(),
})
export type Fail = z.infer<typeof Fail>

/** Tasks that one call may add below a running one. */
const maxSubtasks = 100

export const NewSubtasks = z.strictObject({ attempt, tasks: z.array(PlannedTask).min(1).max(maxSubtasks) })
export type NewSubtasks = z.infer<typeof NewSubtasks>

export const SubtasksAnswer = z.object({
  items: z.array(z.object({ id: idOf('task'), key: z.string(), state: z.enum(taskStates) })),
})
export type SubtasksAnswer = z.infer<typeof SubtasksAnswer>

export const NewArtifact = z.strictObject({
  task_id: idOf('task'),
  attempt,
  kind: z.enum(['bundle', 'checkpoint', 'history', 'patch']),
  size: z
    .int()
    .min(0)
    .max(512 * 1024 * 1024),
})

/** What a claim answers: all that a worker needs to begin, or to go on where another one was lost. */
export const Assignment = z.object({
  task: z.object({
    id: idOf('task'),
    key: z.string(),
    kind: z.enum(taskKinds),
    title: z.string(),
    instruction: z.string(),
    capability: z.string(),
    checks: z.array(z.object({ command: z.string(), timeout_seconds: z.int() })),
    attempt: z.int(),
    failures: z.int(),
    deadline: z.string().nullable(),
  }),
  session: z.object({
    id: idOf('session'),
    title: z.string(),
    prompt: z.string(),
    repository: z.object({ url: z.string(), base: z.string().nullable() }).nullable(),
    labels: z.array(z.string()),
  }),
  /** Tools that the engine is to ask about; what it asks is decided by POST …/approvals. */
  asks: z.array(z.string()).optional(),
  plan_limits: z.object({ max_tasks: z.int() }),
  /** What an earlier attempt has added below it: they begin from its work, and are not to be added again. */
  subtasks: z.array(z.object({ key: z.string(), title: z.string() })).optional(),
  inputs: z.array(
    z.object({
      task_id: idOf('task'),
      key: z.string(),
      commit: z.string(),
      artifact_id: idOf('artifact').nullable(),
    }),
  ),
  base_commit: z.string().nullable(),
  base_artifact_id: idOf('artifact').nullable(),
  resume: z
    .object({
      number: z.int(),
      artifact_id: idOf('artifact').nullable(),
      commit: z.string().nullable(),
      engine: EngineState,
    })
    .nullable(),
  messages: z.array(z.object({ id: z.string(), text: z.string() })),
  previous_error: z.object({ code: z.string(), message: z.string() }).nullable(),
})
export type Assignment = z.infer<typeof Assignment>
