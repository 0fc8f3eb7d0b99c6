import type { Actor } from '#core/actor'
import type { Services } from '#core/services'
import { type ContextEntry, type ContextVersion, type Place, versionColumns } from './entry.ts'
import { entryOf, mayRead, placesSql } from './read.ts'

/** An answer stops at this many bytes of values, with a cursor. */
const maxBytes = 4_000_000

export type ContextFilter = { resolve: boolean; prefix: string | null; limit: number; after: string | null }

/**
 * Entries by key; with `resolve` also those of the wider scopes, of each key the nearest. The cursor is the last
 * key; index: context_pkey. @throws not_found, forbidden
 */
export async function listEntries(
  services: Pick<Services, 'database'>,
  actor: Actor,
  place: Place,
  { resolve, prefix, limit, after }: ContextFilter,
): Promise<{ items: ContextEntry[]; next_cursor: string | null }> {
  const session_id = await mayRead(services, actor, place)
  const rows = await services.database.query<ContextVersion & { picked: number }>(actor.tenant_id, {
    name: 'list_context',
    text: /* sql */ `
      with ${placesSql},
      picked as (
        select distinct on (c.key) c.scope, c.scope_id, c.key, c.version
        from place p join context c on c.scope = p.scope and c.scope_id = p.id and not c.deleted
        where ($5::text is null or c.key = $5::text or starts_with(c.key, $5::text || '.'))
          and ($6::text is null or c.key > $6::text)
        order by c.key, p.distance
      ),
      page as (select * from picked order by key limit $7::int + 1),
      sized as (
        select v.*, sum(v.size) over (order by v.key) as bytes, (count(*) over ())::int as picked,
               row_number() over (order by v.key) as nth
        from page s join context_version v
          on v.scope = s.scope and v.scope_id = s.scope_id and v.key = s.key and v.version = s.version
      )
      select ${versionColumns}, v.picked from sized v
      where v.nth <= $7::int and (v.bytes <= ${maxBytes} or v.nth = 1) order by v.nth`,
    values: [place.scope, place.id, session_id, resolve, prefix, after, limit],
  })
  const items = rows.map(({ picked: _, ...row }) => entryOf(row))
  const more = rows.length < (rows[0]?.picked ?? 0)
  return { items, next_cursor: more ? (items.at(-1)?.key ?? null) : null }
}
