import type { Plan } from '#core/plan/plan'
import { contextGet } from './mcp/context_get.ts'
import { contextList } from './mcp/context_list.ts'
import { contextPut } from './mcp/context_put.ts'
import { planSubmit } from './mcp/plan_submit.ts'
import { subtaskAdd } from './mcp/subtask_add.ts'
import type { Tool } from './mcp/tool.ts'
import type { Running } from './running.ts'

/** The tools of ours that the engine is given, by the kind of task. */
export function toolsOf(running: Running, accept: (plan: Plan) => void): Tool[] {
  const { task, plan_limits } = running.assignment
  return [
    ...(task.kind === 'PLAN' ? [planSubmit(plan_limits.max_tasks, accept)] : []),
    ...contextTools(running),
    ...subtaskTools(running),
  ]
}

/** An integration merges what is there; it has nothing to remember. */
function contextTools({ client, assignment: { session, task }, task_id, attempt, gone }: Running) {
  if (task.kind === 'INTEGRATION') return []
  const memory = { client, session_id: session.id, task_id, attempt, signal: gone }
  return [contextGet(memory), contextPut(memory), contextList(memory)]
}

/** What else turns out to be needed may become tasks of its own, but for a plan's and a merge's. */
function subtaskTools({ client, assignment: { task }, task_id, attempt, gone }: Running) {
  return task.kind === 'WORK' ? [subtaskAdd({ client, task_id, attempt, signal: gone })] : []
}
