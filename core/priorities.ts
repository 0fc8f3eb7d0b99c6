/** Lowest first; the same order as the Postgres enum `priority`. It imports nothing: the dashboard reads it too. */
export const priorities = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const
