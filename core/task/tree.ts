import type { Draft } from '#core/change/draft'
import type { Task } from './task.ts'

/** The deepest level of a tree of tasks; those of the plan are level 1. */
export const maxDepth = 5

export const isBroken = ({ state }: Pick<Task, 'state'>) => state === 'FAILED' || state === 'CANCELLED'

export function childrenOf(draft: Draft, id: string) {
  return [...draft.tasks.values()].filter(({ parent_id }) => parent_id === id)
}

export function parentOf(draft: Draft, { parent_id }: Task) {
  return parent_id === null ? undefined : draft.tasks.get(parent_id)
}

/** The tasks above one, nearest first. */
export function ancestorsOf(draft: Draft, task: Task) {
  const found: Task[] = []
  // Deeper than any tree: rows that were damaged must not hold a step for ever.
  for (let up = parentOf(draft, task); up && found.length <= maxDepth; up = parentOf(draft, up))
    found.push(up)
  return found
}

/** A subtask builds on what its parent's own run has handed in; a task of the plan waits for no parent. */
export function isParentReady(parent: Task | undefined) {
  return parent === undefined || parent.result !== null
}

/** Why a task can never begin: what it depends on is broken, or its parent broke before it handed in. */
export function hopelessBecause(draft: Draft, task: Task, needs: (Task | undefined)[]) {
  const parent = parentOf(draft, task)
  if (parent && isBroken(parent) && !isParentReady(parent)) return subtaskOf(parent)
  const broken = needs.find((need) => need && isBroken(need))
  return broken ? dependsOn(broken) : null
}

export const dependsOn = ({ key, state }: Task) => `It depends on "${key}", which is ${state}.`
export const subtaskOf = ({ key, state }: Task) => `It is a subtask of "${key}", which is ${state}.`
