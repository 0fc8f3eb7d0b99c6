import { type Draft, moveTask } from '#core/change/draft'
import { cancelTask } from './end.ts'
import type { Task } from './task.ts'
import { childrenOf } from './tree.ts'

/**
 * Ends the tasks that wait for their subtasks: COMPLETED with the last of them, broken with the first that is,
 * whose key is in the reason. What else runs below goes on, as what does not need a failed task does.
 * @returns whether any has ended
 */
export function joinChildren(draft: Draft) {
  const waiting = [...draft.tasks.values()].filter(({ state }) => state === 'WAITING_CHILDREN')
  const ended = waiting.map((task) => join(draft, task, childrenOf(draft, task.id)))
  return ended.includes(true)
}

function join(draft: Draft, task: Task, children: Task[]) {
  const failed = children.find(({ state }) => state === 'FAILED')
  const cancelled = children.find(({ state }) => state === 'CANCELLED')
  if (failed) fail(draft, task, failed)
  else if (cancelled) cancelTask(draft, task, `Its subtask "${cancelled.key}" is CANCELLED.`)
  else if (children.every(({ state }) => state === 'COMPLETED')) {
    const { attempt, result } = task
    const data = { attempt, commit: result?.commit ?? null, subtasks: children.length }
    draft.trigger = 'TASK_COMPLETED'
    moveTask(draft, task.id, 'join_children', { ended_at: draft.now }, data)
  } else return false
  return true
}

/** The code of a task that failed by a subtask: the cause is further down. */
export const childFailed = 'child_failed'

function fail(draft: Draft, task: Task, { key, error }: Task) {
  const why = error?.message ?? 'no reason was given'
  const told = { code: childFailed, message: `Its subtask "${key}" is FAILED: ${why}` }
  draft.trigger = 'TASK_FAILED'
  const data = { attempt: task.attempt, ...told, final: true }
  moveTask(draft, task.id, 'fail', { error: told, ended_at: draft.now }, data)
}
