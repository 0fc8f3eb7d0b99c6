import type { Database } from '#core/database/database'
import { gatherByTenant } from '#core/database/gather'
import { insertSessions, type NewRow } from './create.sql.ts'
import type { Session } from './session.ts'
import { type SessionView, toViews } from './view.ts'

export type Creator = {
  insert(tenant_id: string, row: NewRow): Promise<Session>
  view(tenant_id: string, session: Session): Promise<SessionView>
}

/** Sessions made at once share a statement, and so do the looks at what they wait for. */
export function creator(database: Database): Creator {
  const key = ({ id }: { id: string }) => id
  return {
    insert: gatherByTenant<NewRow, Session>({
      async run(tenant_id, rows) {
        const made = await database.query<Session>(tenant_id, insertSessions(rows))
        const byId = new Map(made.map((session) => [session.id, session]))
        return rows.flatMap(({ id }) => byId.get(id) ?? [])
      },
      key,
      max: 100,
    }),
    view: gatherByTenant<Session, SessionView>({
      run: (tenant_id, sessions) => toViews(database, tenant_id, sessions.map(withoutTasks)),
      key,
      max: 100,
    }),
  }
}

const withoutTasks = (session: Session) => ({
  ...session,
  task_counts: { total: 0, completed: 0, running: 0, failed: 0 },
})
