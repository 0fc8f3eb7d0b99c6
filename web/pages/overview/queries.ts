import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api } from '../../api/endpoints.ts'
import type { Window } from './search.ts'

const mostChanges = 20

/** What the overview reads besides the counts; each is read again when the fleet changes. */
export const overview = {
  history: (window: Window) =>
    queryOptions({
      queryKey: ['fleet', 'history', window],
      queryFn: ({ signal }) => api.history(window, { signal }),
      placeholderData: keepPreviousData,
    }),
  capabilities: () => queryOptions({ queryKey: ['fleet', 'capabilities'], queryFn: api.capabilities }),
  needs: () => queryOptions({ queryKey: ['fleet', 'needs'], queryFn: api.needs }),
  changes: () =>
    queryOptions({
      queryKey: ['sessions', 'changes'],
      queryFn: ({ signal }) => api.changes({ limit: mostChanges }, { signal }),
    }),
}
