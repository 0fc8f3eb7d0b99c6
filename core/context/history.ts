import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import { type ContextVersion, type Place, versionColumns } from './entry.ts'
import { mayRead } from './read.ts'

/** An answer stops at this many bytes of values and conflicts, with a cursor. */
const maxBytes = 4_000_000

/**
 * Every version of an entry, newest first, tombstones too; the cursor is the last version;
 * index: context_version_pkey. @throws not_found, forbidden
 */
export async function readHistory(
  services: Pick<Services, 'database'>,
  actor: Actor,
  place: Place,
  key: string,
  { limit, before }: { limit: number; before: number | null },
): Promise<{ items: ContextVersion[]; next_cursor: number | null }> {
  await mayRead(services, actor, place)
  const rows = await services.database.query<ContextVersion & { picked: number }>(actor.tenant_id, {
    name: 'context_history',
    text: /* sql */ `
      with page as (
        select * from context_version
        where scope = $1::text and scope_id = $2::text and key = $3::text and ($4::int is null or version < $4::int)
        order by version desc limit $5::int + 1
      ),
      sized as (
        select s.*, sum(s.size + octet_length(s.conflicts::text)) over (order by s.version desc) as bytes,
               (count(*) over ())::int as picked, row_number() over (order by s.version desc) as nth
        from page s
      )
      select ${versionColumns}, v.picked from sized v
      where v.nth <= $5::int and (v.bytes <= ${maxBytes} or v.nth = 1) order by v.nth`,
    values: [place.scope, place.id, key, before, limit],
  })
  if (rows.length === 0 && before === null)
    throw notFound(`context entry in ${place.scope} ${place.id}:`, key)
  const items = rows.map(({ picked: _, ...row }) => row)
  const more = rows.length < (rows[0]?.picked ?? 0)
  return { items, next_cursor: more ? (items.at(-1)?.version ?? null) : null }
}
