import { createHash } from 'node:crypto'
import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import { lineage } from './lineage.sql.ts'

type Row = { first_seq: number; last_seq: number; hash: Buffer; page: string }

/** Pages read at a time, so that a long history is proved in bounded memory. */
const stride = 500

export type Verdict = {
  valid: boolean
  pages: number
  last_seq: number
  broken_at: number | null
  reason: string | null
}

/**
 * Proves the hash chain of a history: each page's hash is over the one before, its first seq and its bytes.
 * A fork's chain begins with its ancestors' pages and goes on from the page that it was cut behind.
 * @returns where it breaks, if it does. @throws not_found
 */
export async function verifyHistory(
  services: Pick<Services, 'database'>,
  actor: Actor,
  session_id: string,
): Promise<Verdict> {
  const [session] = await services.database.query<{ last_seq: number; head_hash: Buffer }>(actor.tenant_id, {
    name: 'verify_head',
    text: 'select last_seq, head_hash from session where id = $1::text',
    values: [session_id],
  })
  if (!session) throw notFound('session', session_id)
  let hash: Buffer = Buffer.alloc(0)
  let seq = 0
  let pages = 0
  const broken = (at: number, reason: string) => ({
    valid: false,
    pages,
    last_seq: session.last_seq,
    broken_at: at,
    reason,
  })
  while (seq < session.last_seq) {
    const rows = await services.database.query<Row>(actor.tenant_id, {
      name: 'verify_pages',
      text: /* sql */ `
        with recursive ${lineage}
        select p.* from line l cross join lateral (
          select first_seq, last_seq, hash, page from event_page
          where session_id = l.id and first_seq > greatest(l.after, $2::bigint)
            and first_seq <= least(case when l.generation = 0 then $3::bigint else l.upto end, $3::bigint)
          order by first_seq limit ${stride}) p
        order by p.first_seq limit ${stride}`,
      values: [session_id, seq, session.last_seq],
    })
    if (rows.length === 0) return broken(seq + 1, 'events are missing')
    for (const row of rows) {
      if (row.first_seq !== seq + 1) return broken(seq + 1, 'events are missing')
      hash = createHash('sha256').update(hash).update(`${row.first_seq}\n${row.page}`).digest()
      if (!hash.equals(row.hash)) return broken(row.first_seq, 'a page was altered')
      seq = row.last_seq
      pages += 1
    }
  }
  if (!hash.equals(session.head_hash)) return broken(seq, 'the head does not match the last page')
  return { valid: true, pages, last_seq: session.last_seq, broken_at: null, reason: null }
}
