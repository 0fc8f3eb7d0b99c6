import * as z from 'zod'
import type { Actor } from '#core/actor'
import type { Services } from '#core/services'
import { sessionStates } from './states.ts'

const state = z.enum(sessionStates)

export const SessionChange = z.object({
  session_id: z.string(),
  title: z.string(),
  rehearsal: z.boolean().nullable(),
  at: z.string().meta({ format: 'date-time' }),
  /** Null when that is how it began. */
  from: state.nullable(),
  to: state,
})
export type SessionChange = z.infer<typeof SessionChange>

/** The latest changes of state of all sessions that there are, newest first; index: session_change_pkey. */
export function listChanges(
  services: Pick<Services, 'database'>,
  actor: Actor,
  limit: number,
): Promise<SessionChange[]> {
  return services.database.query<SessionChange>(actor.tenant_id, {
    name: 'list_changes',
    text: /* sql */ `
      select c.session_id, s.title, s.rehearsal, c.at, c.from_state as "from", c.to_state as "to"
      from session_change c join session s on s.id = c.session_id
      where c.tenant_id = $2::text
      order by c.at desc, c.id desc limit $1::int`,
    values: [limit, actor.tenant_id],
  })
}
