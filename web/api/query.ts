import { keepPreviousData, QueryClient, queryOptions } from '@tanstack/react-query'
import { api, type SessionFilter, type SessionQuery, type TaskQuery } from './endpoints.ts'
import { passes } from './failure.ts'
import type { Agent } from './types.ts'

/** A reading that failed, of what may pass, is tried again this often; ms. */
const againMs = 5_000

/**
 * What was read stays true until the live connection says otherwise (web/live/refresh.ts): nothing is read again by
 * the clock, but for what could not be read. Repeats are the client's own matter.
 */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 5 * 60_000,
      retry: false,
      refetchInterval: ({ state }) => (passes(state.error) ? againMs : false),
      refetchOnWindowFocus: false,
      networkMode: 'always',
    },
    mutations: { retry: false, networkMode: 'always' },
  },
})

/** Keys begin with a noun, so that a change of that noun can be told to all that show it. */
export const queries = {
  stats: () => queryOptions({ queryKey: ['fleet', 'stats'], queryFn: api.stats }),
  ready: () => queryOptions({ queryKey: ['ready'], queryFn: api.ready }),
  sessions: (query: SessionQuery) =>
    queryOptions({
      queryKey: ['sessions', query],
      queryFn: ({ signal }) => api.sessions(query, { signal }),
      placeholderData: keepPreviousData,
    }),
  sessionCounts: (filter: SessionFilter) =>
    queryOptions({
      queryKey: ['session_counts', filter],
      queryFn: ({ signal }) => api.sessionCounts(filter, { signal }),
      placeholderData: keepPreviousData,
    }),
  session: (id: string) =>
    queryOptions({ queryKey: ['session', id], queryFn: ({ signal }) => api.session(id, { signal }) }),
  /** The whole fleet, as far as one can look at it. */
  fleet: () => queryOptions({ queryKey: ['agents', 'all'], queryFn: ({ signal }) => allAgents(signal) }),
  tasks: (query: TaskQuery) =>
    queryOptions({
      queryKey: ['tasks', query],
      queryFn: ({ signal }) => api.tasks(query, { signal }),
      placeholderData: keepPreviousData,
    }),
}

/** The API answers at most 100 at a time; more pages than this nobody reads. */
const mostPages = 5

async function allAgents(signal: AbortSignal) {
  const items: Agent[] = []
  let cursor: string | undefined
  for (let page = 0; page < mostPages; page++) {
    const answer = await api.agents({ limit: 100, cursor }, { signal })
    items.push(...answer.items)
    if (answer.next_cursor === null) return { items, complete: true }
    cursor = answer.next_cursor
  }
  return { items, complete: false }
}
