import type { Actor } from '#core/actor'
import { type ArtifactStore, keyOf } from '#core/artifact/store'
import { notFound, OrchestratorError } from '#core/error'
import type { Services } from '#core/services'

/** An answer stops at this many bytes, between two files. */
const maxBytes = 4_000_000
const fileHead = '\ndiff --git '

/** `homes` are the sessions that artifacts were made in: those of a fork may be its parent's. */
type Row = { tenant_id: string; ids: string[]; homes: Record<string, string> | null }

/** The session's own patch when there is one, else those of its finished runs, each behind what it
 * began from; index: task_session_id_key_key. */
const patchesSql = /* sql */ `
with patch as (
select s.tenant_id, case when s.result->>'patch_artifact_id' is not null
  then array[s.result->>'patch_artifact_id']
  else coalesce((
    select array_agg(t.result->>'patch_artifact_id' order by t.started_at, t.id) from task t
    where t.session_id = s.id and t.state in ('COMPLETED', 'WAITING_CHILDREN') and t.result->>'patch_artifact_id' is not null
  ), '{}') end as ids
from session s where s.id = $1::text
)
select p.tenant_id, p.ids,
  (select json_object_agg(a.id, a.session_id) from artifact a where a.id = any(p.ids)) as homes
from patch p`

/** The patch, byte for byte; `truncated_id` is the artifact that holds what did not fit. */
export type Diff = { patch: Buffer; truncated_id: string | null }

/**
 * What a session has changed so far, as one unified patch: made by git in the workers, only read here.
 * @throws not_found; artifact_missing when the store has lost a patch
 */
export async function readDiff(
  services: Pick<Services, 'database'> & { artifacts: ArtifactStore },
  actor: Actor,
  session_id: string,
): Promise<Diff> {
  const [row] = await services.database.query<Row>(actor.tenant_id, {
    name: 'session_patches',
    text: patchesSql,
    values: [session_id],
  })
  if (!row) throw notFound('session', session_id)
  const parts: Buffer[] = []
  let size = 0
  for (const id of row.ids) {
    const key = keyOf({ tenant_id: row.tenant_id, session_id: row.homes?.[id] ?? session_id, id })
    const part = await services.artifacts.read(key, maxBytes - size + 1)
    if (part === null) throw new OrchestratorError('artifact_missing', `The store has no artifact ${id}.`)
    parts.push(part)
    size += part.length
    if (size > maxBytes) return { patch: cut(Buffer.concat(parts)), truncated_id: id }
  }
  return { patch: Buffer.concat(parts), truncated_id: null }
}

/** Up to the last file that fits whole; nothing when the first one does not. */
function cut(patch: Buffer) {
  const end = patch.subarray(0, maxBytes).lastIndexOf(fileHead)
  return end < 0 ? Buffer.alloc(0) : patch.subarray(0, end + 1)
}
