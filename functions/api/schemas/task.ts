import * as z from 'zod'
import { Check } from '#core/plan/plan'
import { priorities } from '#core/priority'
import { taskStates } from '#core/task/states'
import { taskKinds } from '#core/task/task'
import { TaskTree as RootTree } from '#core/task/trees'
import { CheckResult, DiffStat } from '#core/task/wire'
import { answer } from '../document.ts'
import { cursor, Reserved, time, UsageView, Waiting } from './parts.ts'
import { PlanView } from './plan.ts'

export const Task = answer(
  'Task',
  z.object({
    id: z.string(),
    session_id: z.string(),
    parent_id: z.string().nullable(),
    key: z.string(),
    kind: z.enum(taskKinds),
    title: z.string(),
    instruction: z.string(),
    capability: z.string(),
    depends_on: z.array(z.string()),
    checks: z.array(z.object(Check.shape)),
    priority: z.enum(priorities),
    state: z.enum(taskStates),
    waiting: Waiting.nullable(),
    attempt: z.int(),
    failures: z.int(),
    losses: z.int(),
    agent_id: z.string().nullable(),
    not_before: time.nullable(),
    deadline: time.nullable(),
    usage: UsageView,
    reserved: Reserved,
    result: z
      .object({
        summary: z.string(),
        commit: z.string().nullable(),
        artifact_id: z.string().nullable(),
        patch_artifact_id: z.string().nullable(),
        diff: z.object(DiffStat.shape).nullable(),
        checks: z.array(z.object(CheckResult.shape)),
        plan: PlanView.optional(),
        branch: z.string().nullish(),
        push_reason: z.string().nullish(),
      })
      .nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    checkpoint_number: z.int().nullable(),
    actions: z.array(z.enum(['cancel', 'retry'])),
    created_at: time,
    ready_at: time.nullable(),
    started_at: time.nullable(),
    ended_at: time.nullable(),
  }),
)

const Progress = z.object({ done: z.int(), total: z.int() })
const TreeTask = answer('TreeTask', z.object({ ...Task.shape, progress: Progress, total_usage: UsageView }))

export const TaskTree = answer(
  'TaskTree',
  z.object({ items: z.array(TreeTask), next_cursor: cursor, progress: Progress, usage: UsageView }),
)

export const TaskList = answer('TaskList', z.object({ items: z.array(Task), next_cursor: cursor }))

export const TaskTreeList = answer(
  'TaskTreeList',
  z.object({ items: z.array(RootTree), next_cursor: cursor }),
)
