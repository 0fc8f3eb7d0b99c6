import type { Database } from '#core/database/database'

/** Removes what is below a place in the artifact store, a bounded number of objects. @returns whether all of it is gone */
export type RemoveBelow = (prefix: string) => Promise<boolean>

/** Sessions whose artifacts one sweep collects. */
const batch = 20
/** Longer than an address to upload to holds. */
const waitMinutes = 20

/**
 * Removes the artifacts of sessions that were deleted. A row is forgotten once all is gone, and put off by what
 * fails: whoever dies between is followed by another. Index: artifact_garbage_age.
 */
export async function collectArtifacts(database: Database, removeBelow: RemoveBelow) {
  const due = await database.query<{ tenant_id: string; session_id: string }>(null, {
    name: 'due_garbage',
    text: /* sql */ `
      update artifact_garbage g set created_at = now() from (
        select session_id from artifact_garbage
        where created_at < now() - interval '${waitMinutes} minutes'
        order by created_at limit ${batch} for update skip locked) d
      where g.session_id = d.session_id returning g.tenant_id, g.session_id`,
    values: [],
  })
  let collected = 0
  for (const { tenant_id, session_id } of due) {
    const isGone = await removeBelow(`${tenant_id}/${session_id}/`).catch(() => false)
    if (!isGone) continue
    await database.query(null, {
      name: 'forget_garbage',
      text: 'delete from artifact_garbage where session_id = $1::text',
      values: [session_id],
    })
    collected += 1
  }
  return collected
}
