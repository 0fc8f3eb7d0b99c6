import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import { type ArtifactStore, keyOf } from './store.ts'

export type Artifact = {
  id: string
  session_id: string
  task_id: string
  attempt: number
  kind: string
  size: number
  created_at: string
}

/** An artifact and where its bytes are. @throws not_found */
export async function readArtifact(
  services: Pick<Services, 'database'> & { artifacts: ArtifactStore },
  actor: Actor,
  id: string,
) {
  const [row] = await services.database.query<Artifact & { tenant_id: string }>(actor.tenant_id, {
    name: 'read_artifact',
    text: /* sql */ `
      select tenant_id, id, session_id, task_id, attempt, kind, size, created_at
      from artifact where id = $1::text`,
    values: [id],
  })
  if (!row) throw notFound('artifact', id)
  const { tenant_id: _tenant, ...artifact } = row
  return { ...artifact, download: await services.artifacts.presignDownload(keyOf(row)) }
}
