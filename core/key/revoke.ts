import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'

/** Ends a key; it stays listed. Repeated it does nothing. @throws not_found */
export async function revokeKey({ database }: Pick<Services, 'database'>, { tenant_id }: Actor, id: string) {
  const [key] = await database.query(tenant_id, {
    name: 'revoke_key',
    text: 'update api_key set revoked_at = coalesce(revoked_at, now()) where id = $1::text returning id',
    values: [id],
  })
  if (!key) throw notFound('key', id)
}
