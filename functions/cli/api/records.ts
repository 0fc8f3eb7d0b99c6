import * as z from 'zod'
import { agentStates } from '#core/agent/states'
import { AskedPermission, AskedQuestion } from '#core/approval/ask'
import { approvalStates } from '#core/approval/states'
import { sessionStates } from '#core/session/states'
import { taskStates } from '#core/task/states'
import { noUsage, Usage } from '#core/usage/usage'

/**
 * What these commands read of the API's answers. Fields that they do not read may come and go:
 * an older command works with a newer API.
 */
const Waiting = z
  .object({ reason: z.string(), sentence: z.string().nullish(), until: z.string().nullish() })
  .nullish()

const DiffStat = z.object({ files: z.number(), insertions: z.number(), deletions: z.number() })

const UsageView = Usage.loose()
  .nullish()
  .transform((usage) => usage ?? noUsage)

export const SessionView = z.object({
  id: z.string(),
  title: z.string(),
  state: z.enum(sessionStates),
  priority: z.string().nullish(),
  labels: z.array(z.string()).default([]),
  repository: z.object({ url: z.string(), base: z.string().nullish() }).nullish(),
  waiting: Waiting,
  last_seq: z.number(),
  parent: z.object({ session_id: z.string(), checkpoint: z.number() }).nullish(),
  rehearsal: z.boolean().nullish(),
  usage: UsageView,
  result: z
    .object({
      summary: z.string().nullish(),
      branch: z.string().nullish(),
      commit: z.string().nullish(),
      diff: DiffStat.nullish(),
      push_reason: z.string().nullish(),
    })
    .nullish(),
  failure: z.object({ code: z.string(), message: z.string(), task_id: z.string().nullish() }).nullish(),
  created_at: z.string(),
  started_at: z.string().nullish(),
  ended_at: z.string().nullish(),
  history_until: z.string().nullish(),
})
export type SessionView = z.infer<typeof SessionView>

/** What a session waits for, as far as it is shown. */
export const DiagnosisView = z.object({
  waiting: z.object({ sentence: z.string(), owner: z.string() }).nullish(),
})

export const TaskView = z.object({
  id: z.string(),
  key: z.string(),
  parent_id: z.string().nullish(),
  title: z.string(),
  state: z.enum(taskStates),
  capability: z.string(),
  depends_on: z.array(z.string()).default([]),
  agent_id: z.string().nullish(),
  attempt: z.number().default(0),
  failures: z.number().default(0),
  waiting: Waiting,
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
  usage: UsageView,
  progress: z.object({ done: z.number(), total: z.number() }).nullish(),
})
export type TaskView = z.infer<typeof TaskView>

export const AgentView = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(agentStates),
  capabilities: z.array(z.string()),
  capacity: z.number(),
  active: z.number().default(0),
  labels: z.array(z.string()).default([]),
  tier: z.string().nullish(),
  engine: z
    .object({ name: z.string(), version: z.string(), model: z.string(), rehearsal: z.boolean() })
    .partial()
    .nullish(),
  last_heartbeat_at: z.string().nullish(),
})
export type AgentView = z.infer<typeof AgentView>

const approvalFields = {
  id: z.string(),
  state: z.enum(approvalStates),
  task_id: z.string(),
  attempt: z.number(),
  agent_id: z.string(),
  created_at: z.string(),
  deadline: z.string(),
  answer: z.object({ answer: z.string() }).nullish(),
}
export const ApprovalView = z.discriminatedUnion('kind', [
  z.object({ ...approvalFields, kind: z.literal('PERMISSION'), asked: AskedPermission.strip() }),
  z.object({ ...approvalFields, kind: z.literal('QUESTION'), asked: AskedQuestion.strip() }),
])
export type ApprovalView = z.infer<typeof ApprovalView>

export const ContextView = z.object({
  scope: z.string(),
  key: z.string(),
  value: z.unknown(),
  deleted: z.boolean().default(false),
  version: z.number(),
  author: z.string(),
  created_at: z.string(),
})

export const ContextVersionView = ContextView.extend({
  based_on: z.number(),
  conflicts: z.array(z.unknown()).default([]),
})

export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next_cursor: z.string().nullish() })
}

/** An event of a session's history; `seq` counts 1, 2, 3 … without a hole. */
export const EventView = z.object({
  seq: z.int().min(1),
  at: z.string(),
  type: z.string(),
  task_id: z.string().nullish(),
  agent_id: z.string().nullish(),
  data: z.record(z.string(), z.unknown()).catch({}).default({}),
})
export type EventView = z.infer<typeof EventView>
