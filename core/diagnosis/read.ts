import type { Actor } from '#core/actor'
import { sessionColumns } from '#core/change/load.sql'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import type { Session } from '#core/session/session'
import { type Diagnosis, diagnose } from './diagnosis.ts'
import { loadFacts } from './facts.sql.ts'

/** What a session waits for, and who can move it. @throws not_found */
export async function readDiagnosis(
  services: Pick<Services, 'database' | 'presence'>,
  actor: Actor,
  id: string,
): Promise<Diagnosis> {
  const { database, presence } = services
  const [facts, [session]] = await Promise.all([
    loadFacts(database, actor.tenant_id, [id]),
    database.query<Session>(actor.tenant_id, {
      name: 'diagnosed_session',
      text: `select ${sessionColumns} from session s where s.id = $1::text`,
      values: [id],
    }),
  ])
  const known = facts.get(id)
  if (!session || !known) throw notFound('session', id)
  const agents = known.agents.map((agent) => ({ tenant_id: actor.tenant_id, id: agent.id }))
  const alive = agents.length > 0 ? await presence.alive(agents) : new Set<string>()
  return diagnose({ ...known, session, alive })
}
