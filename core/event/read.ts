import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import { channelOf } from '#core/live/channel'
import type { Services } from '#core/services'
import { type Event, readPage } from './event.ts'
import { lineage } from './lineage.sql.ts'

/** An answer stops at this many bytes of pages, with where to go on. */
const maxBytes = 4_000_000
/** A ring may be lost: the log is looked at this often all the same, in ms. */
const lookEvery = 2_000

type PageRow = { first_seq: number; page: string; head: number }

/**
 * Whole pages from the one that holds `after + 1`, by running size, those before a fork from its ancestors;
 * index: event_page_pkey.
 */
const pagesSql = /* sql */ `
with recursive ${lineage},
page as (
  select p.first_seq, p.page,
         sum(octet_length(p.page)) over (order by p.first_seq) as bytes, row_number() over (order by p.first_seq) as place
  from (
    select p.* from line l cross join lateral (
      select first_seq, page from event_page
      where session_id = l.id
        and first_seq >= coalesce((select max(first_seq) from event_page
                                   where session_id = l.id and first_seq <= $2::bigint + 1), 0)
        and last_seq > $2::bigint and first_seq <= l.upto
      order by first_seq limit $3::int) p
    where l.upto > $2::bigint
    order by p.first_seq limit $3::int) p
)
select p.first_seq, p.page, s.last_seq as head
from session s left join page p on p.bytes <= $4::int or p.place = 1
where s.id = $1::text order by p.first_seq`

export type EventFilter = { after: number; limit: number; types: string[] | null }
export type EventPage = { items: Event[]; next_after: number; last_seq: number }

/** Events after a seq, in order, gapless; `next_after` goes on. @throws not_found */
export async function readEvents(
  services: Pick<Services, 'database'>,
  actor: Actor,
  session_id: string,
  filter: EventFilter,
): Promise<EventPage> {
  const rows = await services.database.query<PageRow | { first_seq: null; page: null; head: number }>(
    actor.tenant_id,
    {
      name: 'read_events',
      text: pagesSql,
      values: [session_id, filter.after, filter.limit, maxBytes],
    },
  )
  const head = rows[0]?.head
  if (head === undefined) throw notFound('session', session_id)
  const all = rows.flatMap((row) => (row.page === null ? [] : readPage(session_id, row.first_seq, row.page)))
  const next = all.filter(({ seq }) => seq > filter.after).slice(0, filter.limit)
  const items = filter.types ? next.filter(({ type }) => filter.types?.includes(type)) : next
  return { items, next_after: next.at(-1)?.seq ?? filter.after, last_seq: head }
}

/** The seq of a session's last event; index: session_pkey. @throws not_found */
export async function readHead(
  services: Pick<Services, 'database'>,
  actor: Actor,
  session_id: string,
): Promise<number> {
  const [row] = await services.database.query<{ last_seq: number }>(actor.tenant_id, {
    name: 'read_head',
    text: 'select last_seq from session where id = $1::text',
    values: [session_id],
  })
  if (!row) throw notFound('session', session_id)
  return row.last_seq
}

/** Events after a seq, but waits up to `wait_ms` for the first when there is none yet. */
export async function awaitEvents(
  services: Services,
  actor: Actor,
  session_id: string,
  filter: EventFilter,
  wait_ms: number,
): Promise<EventPage> {
  const until = Date.now() + wait_ms
  for (;;) {
    const ring = new AbortController()
    const left = until - Date.now()
    const channel = channelOf.session(actor.tenant_id, session_id)
    const rung = left > 0 ? services.bells.wait(channel, Math.min(left, lookEvery), ring.signal) : null
    const page = await readEvents(services, actor, session_id, filter).finally(() => {
      if (!rung) ring.abort()
    })
    if (page.items.length > 0 || !rung) {
      ring.abort()
      return page
    }
    await rung
  }
}
