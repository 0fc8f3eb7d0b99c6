import { createHash, randomBytes } from 'node:crypto'

/** What is known of a key without the database: nothing of it is trusted before its hash was compared. */
export type KeyToken = { tenant_id: string; prefix: string; hash: Buffer }

const shape = /^oio_([a-z2-7]{8})_([0-9A-HJKMNP-TV-Z]{26})[A-Za-z0-9_-]{43}$/

/**
 * A new key, `oio_<prefix>_<secret>`. The secret begins with the tenant, so that looking it up stays under that
 * tenant's row-level security, and ends with 256 random bits, so that its plain hash is enough to keep.
 */
export function newToken(tenant_id: string): KeyToken & { token: string } {
  const prefix = randomPrefix()
  const token = `oio_${prefix}_${tenant_id.slice(4)}${randomBytes(32).toString('base64url')}`
  return { token, tenant_id, prefix, hash: hashOf(token) }
}

/** 40 random bits as base32: enough to tell a tenant's keys apart, and no secret. */
function randomPrefix() {
  return [...randomBytes(8)].map((byte) => 'abcdefghijklmnopqrstuvwxyz234567'.charAt(byte % 32)).join('')
}

/** What a token says of itself, or null for what was never one. */
export function readToken(token: string): KeyToken | null {
  const [, prefix, tenant] = shape.exec(token) ?? []
  return prefix && tenant ? { tenant_id: `ten_${tenant}`, prefix, hash: hashOf(token) } : null
}

function hashOf(token: string) {
  return createHash('sha256').update(token).digest()
}
