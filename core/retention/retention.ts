import type { Database, Statement } from '#core/database/database'

/** How long things live, in days. */
export type Retention = {
  /** A session with all of its history, after it ended. */
  sessions: number
  /** The count of what the fleet did. */
  changes: number
  audit: number
  /** What a tenant used, by day. */
  tokens: number
  deliveries: number
  /** What an agent was told and never took. */
  inbox: number
}

export type Kind = keyof Retention

/** One statement takes so many rows at most, and a sweep so many statements of each kind. */
const batch = 200
const maxRounds = 5

/**
 * What each kind deletes, given its days and the size of a batch. A session goes whole or not at all, so that a chain
 * of hashes is never cut: triggers and foreign keys take pages, checkpoints, tasks and all else with it. One that has
 * forks stays until they are gone, for their history begins with its own.
 */
const deletes: Record<Kind, string> = {
  // Index: session_ended; the forks by session_forks.
  sessions: /* sql */ `
    delete from session where id in (
      select s.id from session s
      where s.ended_at < now() - make_interval(days => $1::int) and s.state in ('COMPLETED', 'FAILED', 'STOPPED')
        and not exists (select from session f where f.parent_id = s.id)
      order by s.ended_at limit $2::int for update skip locked) returning id`,
  // Index: session_change_age. Nobody may lock these rows, since nobody may change them.
  changes: /* sql */ `
    delete from session_change where (tenant_id, at, id) in (
      select tenant_id, at, id from session_change where at < now() - make_interval(days => $1::int)
      order by at limit $2::int) returning id`,
  // Index: audit_at. Nobody may lock these rows either.
  audit: /* sql */ `
    delete from audit where (tenant_id, id) in (
      select tenant_id, id from audit where at < now() - make_interval(days => $1::int) order by at limit $2::int)
    returning id`,
  // A few rows a tenant and day: read through.
  tokens: /* sql */ `
    delete from token_day where (tenant_id, day, shard) in (
      select tenant_id, day, shard from token_day where day < current_date - $1::int
      limit $2::int for update skip locked) returning day`,
  // Index: webhook_delivery_age.
  deliveries: /* sql */ `
    delete from webhook_delivery where id in (
      select id from webhook_delivery where created_at < now() - make_interval(days => $1::int)
      order by created_at limit $2::int for update skip locked) returning id`,
  // Read through: it holds what agents have not yet taken off.
  inbox: /* sql */ `
    delete from inbox where (agent_id, id) in (
      select agent_id, id from inbox where created_at < now() - make_interval(days => $1::int)
      limit $2::int for update skip locked) returning id`,
}

function statement(kind: Kind, days: number): Statement {
  return { name: `prune_${kind}`, text: deletes[kind], values: [days, batch] }
}

const kinds: Kind[] = ['sessions', 'changes', 'audit', 'tokens', 'deliveries', 'inbox']

/** Deletes what is past its time, a bounded number of rows; the next sweep goes on. Under the engine's role. */
export async function prune(database: Database, retention: Retention) {
  const gone: Record<Kind, number> = { sessions: 0, changes: 0, audit: 0, tokens: 0, deliveries: 0, inbox: 0 }
  for (const kind of kinds) {
    for (let round = 0; round < maxRounds; round++) {
      const rows = await pruneBatch(database, kind, retention[kind])
      gone[kind] += rows
      if (rows < batch) break
    }
  }
  return gone
}

/** A fork that comes between the look and the delete refuses the batch; the next sweep looks again. */
async function pruneBatch(database: Database, kind: Kind, days: number) {
  try {
    return (await database.query(null, statement(kind, days))).length
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '23503') return 0
    throw error
  }
}
