import type { Actor } from '#core/actor'
import { newId } from '#core/id'
import type { Services } from '#core/services'
import { type Key, keyColumns, type NewKey } from './key.ts'
import { newToken } from './token.ts'

/** Makes a key of the actor's tenant. The token is told once: only its hash is kept. */
export async function createKey(
  { database }: Pick<Services, 'database'>,
  { tenant_id }: Pick<Actor, 'tenant_id'>,
  { name, scopes, expires_at }: NewKey,
): Promise<{ key: Key; token: string }> {
  const { token, prefix, hash } = newToken(tenant_id)
  const [key] = await database.query<Key>(tenant_id, {
    name: 'create_key',
    text: /* sql */ `
      insert into api_key as k (tenant_id, id, prefix, hash, name, scopes, expires_at)
      values ($1::text, $2::text, $3::text, $4::bytea, $5::text, $6::text[], $7::timestamptz)
      returning ${keyColumns}`,
    values: [tenant_id, newId('key'), prefix, hash, name, scopes, expires_at],
  })
  if (!key) throw new Error('The new key answered no row.')
  return { key, token }
}
