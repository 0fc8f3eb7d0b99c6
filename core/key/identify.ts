import { timingSafeEqual } from 'node:crypto'
import type { Services } from '#core/services'
import type { Scope } from './scope.ts'
import { readToken } from './token.ts'

/** Whom a key lets in, as what, and until when at the latest (ms since 1970; null: it does not expire). */
export type KeyHolder = {
  tenant_id: string
  id: string
  name: string
  scopes: Scope[]
  expires_ms: number | null
}

type Row = KeyHolder & { hash: Buffer; used_lately: boolean }

/**
 * Whose key a token is; null when it is nobody's, revoked or expired. Its use is written once a minute at most,
 * by a statement of its own: what the caller does never waits for that row.
 */
export async function keyOfToken(database: Services['database'], text: string): Promise<KeyHolder | null> {
  const token = readToken(text)
  if (!token) return null
  const [row] = await database.query<Row>(token.tenant_id, {
    name: 'key_of_token',
    // Index: api_key_tenant_id_prefix_key.
    text: /* sql */ `
      select k.tenant_id, k.id, k.name, k.scopes, k.hash,
             (extract(epoch from k.expires_at) * 1000)::bigint as expires_ms,
             coalesce(k.last_used_at > now() - interval '1 minute', false) as used_lately
      from api_key k
      where k.tenant_id = $1::text and k.prefix = $2::text and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > now())`,
    values: [token.tenant_id, token.prefix],
  })
  if (!row || !timingSafeEqual(row.hash, token.hash)) return null
  const { hash: _hash, used_lately, ...holder } = row
  if (!used_lately) await noteUse(database, holder)
  return holder
}

/** Two processes that note the same use at once write it once. */
async function noteUse(database: Services['database'], { tenant_id, id }: KeyHolder) {
  await database.query(tenant_id, {
    name: 'note_key_use',
    text: /* sql */ `
      update api_key set last_used_at = now()
      where id = $1::text and (last_used_at is null or last_used_at <= now() - interval '1 minute')`,
    values: [id],
  })
}
