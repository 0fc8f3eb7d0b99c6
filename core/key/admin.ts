import { createPool } from '#core/database/pool'
import { newId } from '#core/id'
import { readToken } from './token.ts'

/** Of a name there is one at a time. */
type AdminKey = { url: string; token: string; name?: string | undefined }

/**
 * Keeps the first key, which may do everything: the one that a deployment's secret holds. Repeated it does
 * nothing; another one of that name takes the former's place, which is revoked: a data folder has a name of its own,
 * so that two on one database leave each other's keys. Runs as the owner, after the migrations.
 * @returns 'revoked' when somebody has revoked this very key: it stays so, whatever the secret says
 * @throws an Error for what is no key, or of a tenant that there is not
 */
export async function keepAdminKey({ url, token, name = 'admin' }: AdminKey) {
  const key = readToken(token)
  if (!key) throw new Error('The admin key is no key: make one with `npx orchestrator key new`.')
  const pool = createPool({ url, role: 'owner', max: 1 })
  try {
    const values = [key.tenant_id, newId('key'), key.prefix, key.hash, name]
    const { rows } = await pool.query<{ revoked: boolean }>(keepSql, values)
    return rows[0]?.revoked === false ? 'kept' : 'revoked'
  } finally {
    await pool.end()
  }
}

/** What is there already stays, under the name that it now has; the update also lets it be answered. */
const keepSql = /* sql */ `
  with former as (
    update api_key set revoked_at = now()
    where tenant_id = $1::text and source = 'secret' and name = $5::text and prefix <> $3::text and revoked_at is null
  )
  insert into api_key as k (tenant_id, id, prefix, hash, name, scopes, source)
  values ($1::text, $2::text, $3::text, $4::bytea, $5::text, '{admin}', 'secret')
  on conflict (tenant_id, prefix) do update set name = case when k.hash = excluded.hash then excluded.name else k.name end
  returning k.revoked_at is not null or k.hash <> $4::bytea as revoked`
