import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { taskStates } from '#core/task/states'
import { api } from '../../api/endpoints.ts'
import { someOf } from '../../parts/search.ts'
import type { TasksSearch } from './search.ts'

const treesAtOnce = 20

/** A page of trees; read again when the fleet changes. */
export function treesOf({ state, capability, after }: TasksSearch) {
  const query = { state: someOf(taskStates, state), capability, cursor: after, limit: treesAtOnce }
  return queryOptions({
    queryKey: ['tasks', 'trees', query],
    queryFn: ({ signal }) => api.taskTrees(query, { signal }),
    placeholderData: keepPreviousData,
  })
}
