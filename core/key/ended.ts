import type { Database } from '#core/database/database'

/** An answer is remembered this long, in ms: so long a key that was revoked may still be taken for one that stands. */
const keptMs = 5_000
const maxKept = 10_000

/** Which of a tenant's keys are revoked, expired or gone. */
export type EndedKeys = (tenant_id: string, ids: readonly string[]) => Promise<ReadonlySet<string>>

/** Asked at every frame that goes out, and so mostly from memory. */
export function endedKeys(database: Database, now: () => number = Date.now): EndedKeys {
  const kept = new Map<string, { ended: boolean; until: number }>()

  async function look(tenant_id: string, ids: readonly string[]) {
    const rows = await database.query<{ id: string }>(tenant_id, {
      name: 'standing_keys',
      text: /* sql */ `
        select id from api_key
        where id = any($1::text[]) and revoked_at is null and (expires_at is null or expires_at > now())`,
      values: [ids],
    })
    const standing = new Set(rows.map(({ id }) => id))
    if (kept.size + ids.length > maxKept) kept.clear()
    for (const id of ids) kept.set(id, { ended: !standing.has(id), until: now() + keptMs })
  }

  return async (tenant_id, ids) => {
    const unknown = ids.filter((id) => (kept.get(id)?.until ?? 0) <= now())
    if (unknown.length > 0) await look(tenant_id, unknown)
    return new Set(ids.filter((id) => kept.get(id)?.ended))
  }
}
