import type { Database } from '#core/database/database'
import { gather } from '#core/database/gather'
import type { Known } from './draft.ts'
import { type KnownRow, loadSessions, loadTasks, toKnown } from './load.sql.ts'

type Ask = { tenant_id: string; id: string; noun: 'session' | 'task' }

export type Loader = {
  session(tenant_id: string, id: string): Promise<Known | null>
  task(tenant_id: string, id: string): Promise<Known | null>
}

/** Looks of one tenant share the next flight, like its commits. */
export function loader(database: Database): Loader {
  const lanes = new Map<string, (ask: Ask) => Promise<Known | 'none'>>()
  const laneOf = (tenant_id: string, noun: Ask['noun']) => {
    const name = `${tenant_id} ${noun}`
    const lane =
      lanes.get(name) ??
      gather<Ask, Known | 'none'>({
        run: (asks) => loadAll(database, tenant_id, noun, asks),
        key: ({ id }) => id,
        max: 200,
        lanes: 2,
      })
    lanes.set(name, lane)
    return lane
  }
  const one = async (ask: Ask) => {
    const known = await laneOf(ask.tenant_id, ask.noun)(ask)
    return known === 'none' ? null : known
  }
  return {
    session: (tenant_id, id) => one({ tenant_id, id, noun: 'session' }),
    task: (tenant_id, id) => one({ tenant_id, id, noun: 'task' }),
  }
}

async function loadAll(database: Database, tenant_id: string, noun: Ask['noun'], asks: Ask[]) {
  const ids = asks.map(({ id }) => id)
  const rows = await database.query<KnownRow>(
    tenant_id,
    noun === 'session' ? loadSessions(ids) : loadTasks(ids),
  )
  const found = new Map(
    rows.map(toKnown).map((known) => [noun === 'session' ? known.session.id : known.tasks[0]?.id, known]),
  )
  return ids.map((id) => found.get(id) ?? ('none' as const))
}
