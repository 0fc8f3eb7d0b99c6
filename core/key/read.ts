import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import { type Key, keyColumns } from './key.ts'

type With = Pick<Services, 'database'>

/** One key. @throws not_found */
export async function readKey({ database }: With, { tenant_id }: Actor, id: string) {
  const [key] = await database.query<Key>(tenant_id, {
    name: 'read_key',
    text: `select ${keyColumns} from api_key k where k.id = $1::text`,
    values: [id],
  })
  if (!key) throw notFound('key', id)
  return key
}

/** Keys, newest first, revoked ones among them; index: api_key_list. The cursor is the last id. */
export async function listKeys(
  { database }: With,
  { tenant_id }: Actor,
  { limit, before }: { limit: number; before: string | null },
) {
  const items = await database.query<Key>(tenant_id, {
    name: 'list_keys',
    text: /* sql */ `
      select ${keyColumns} from api_key k
      where k.tenant_id = $1::text and ($2::text is null or k.id < $2::text)
      order by k.id desc limit $3::int + 1`,
    values: [tenant_id, before, limit],
  })
  const more = items.length > limit
  const page = items.slice(0, limit)
  return { items: page, next_cursor: more ? (page.at(-1)?.id ?? null) : null }
}
