import { taskStates } from '#core/task/states'
import { type Search, someOf, textOf } from '../../parts/search.ts'

export type TasksSearch = { state?: string; capability?: string; after?: string }

/** What is shown: tasks in some states, of one capability, from a place of the list on. */
export function readTasksSearch(given: Search): TasksSearch {
  const state = someOf(taskStates, given.state)?.join(',')
  const capability = textOf(given.capability, 64)
  const after = textOf(given.after)
  return { ...(state && { state }), ...(capability && { capability }), ...(after && { after }) }
}
