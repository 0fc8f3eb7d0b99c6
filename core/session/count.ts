import * as z from 'zod'
import type { Actor } from '#core/actor'
import type { Services } from '#core/services'
import { matching, type SessionFilter } from './read.ts'
import { type SessionState, sessionStates } from './states.ts'

export const SessionCounts = z.object({ states: z.record(z.enum(sessionStates), z.int()) })
export type SessionCounts = z.infer<typeof SessionCounts>

/** How many sessions of a filter are in each state, 0 included. */
export async function countSessions(
  services: Pick<Services, 'database'>,
  actor: Actor,
  { priorities, label, q }: SessionFilter,
): Promise<SessionCounts> {
  const rows = await services.database.query<{ state: SessionState; n: number }>(actor.tenant_id, {
    name: 'count_sessions',
    text: `select state, count(*)::int as n from session where ${matching} group by state`,
    values: [priorities, label, q],
  })
  const states: Record<string, number> = Object.fromEntries(sessionStates.map((state) => [state, 0]))
  for (const { state, n } of rows) states[state] = n
  return SessionCounts.parse({ states })
}
