import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { ask } from '../../api/client.ts'
import { api } from '../../api/endpoints.ts'
import { queryClient } from '../../api/query.ts'
import type * as t from '../../api/types.ts'

/** A tree has at most a thousand planned tasks, and a few of the engine's own. */
const mostPages = 5
export const checkpointsShown = 50

async function allTasks(id: string, signal: AbortSignal) {
  const items: t.Task[] = []
  let cursor: string | null = null
  for (let page = 0; page < mostPages; page += 1) {
    const query = { limit: 1_000, cursor: cursor ?? undefined }
    const answer: t.TaskList = await ask(`/sessions/${id}/tasks`, { query, signal })
    items.push(...answer.items)
    cursor = answer.next_cursor
    if (cursor === null) break
  }
  return items
}

/** What a session's page reads. Each key begins with what makes it old (web/live/refresh.ts, feed/use.ts). */
export const reads = {
  tasks: (id: string) =>
    queryOptions({ queryKey: ['session', id, 'tasks'], queryFn: ({ signal }) => allTasks(id, signal) }),
  diagnosis: (id: string) =>
    queryOptions({
      queryKey: ['session', id, 'diagnosis'],
      queryFn: ({ signal }) => api.diagnosis(id, { signal }),
    }),
  approvals: (id: string) =>
    queryOptions({
      queryKey: ['session', id, 'approvals'],
      queryFn: ({ signal }) => api.approvals({ state: 'OPEN', session_id: id, limit: 100 }, { signal }),
    }),
  checkpoints: (id: string, limit: number) =>
    queryOptions({
      queryKey: ['session', id, 'checkpoints', limit],
      queryFn: ({ signal }) => api.checkpoints(id, { limit }, { signal }),
      placeholderData: keepPreviousData,
    }),
  /** A checkpoint does not change. */
  checkpoint: (id: string, number: number) =>
    queryOptions({
      queryKey: ['checkpoint', id, number],
      queryFn: ({ signal }) => api.checkpoint(id, number, { signal }),
    }),
  agents: () =>
    queryOptions({
      queryKey: ['agents', { limit: 100 }],
      queryFn: ({ signal }) => api.agents({ limit: 100 }, { signal }),
    }),
  diff: (id: string) =>
    queryOptions({ queryKey: ['diff', id], queryFn: ({ signal }) => api.diff(id, { signal }) }),
}

/** Everything of a session is read again: something was done to it here. */
export function reread(id: string) {
  return queryClient.invalidateQueries({ queryKey: ['session', id] })
}
