import type { Database } from '#core/database/database'
import { gather } from '#core/database/gather'
import { type Committed, commitStatement } from './commit.sql.ts'
import type { Draft } from './draft.ts'

export type Commit = (draft: Draft) => Promise<Committed | 'conflict'>

/** Sessions that one flight may hold: past this the statement's gain is flat and its locks last longer. */
const flightSize = 200

/**
 * Stores decisions. Calls of one tenant share the next flight, so that a step's price is a share of a commit.
 * A decision whose session has moved meanwhile answers 'conflict' and has written nothing.
 */
export function committer(database: Database): Commit {
  const lanes = new Map<string, Commit>()
  const laneOf = (tenant_id: string) => {
    const known = lanes.get(tenant_id)
    if (known) return known
    const lane = gather<Draft, Committed | 'conflict'>({
      run: (drafts) => commitAll(database, tenant_id, drafts),
      key: ({ session }) => session.id,
      max: flightSize,
      lanes: 2,
    })
    lanes.set(tenant_id, lane)
    return lane
  }
  return (draft) => laneOf(draft.session.tenant_id)(draft)
}

/** Stores many decisions at once; tenants may differ under the engine's role (`tenant_id` null). */
export async function commitAll(database: Database, tenant_id: string | null, drafts: Draft[]) {
  if (drafts.length === 0) return []
  const rows = await database.query<Committed>(tenant_id, commitStatement(drafts))
  const won = new Map(rows.map((row) => [row.id, row]))
  return drafts.map(({ session }) => won.get(session.id) ?? ('conflict' as const))
}
