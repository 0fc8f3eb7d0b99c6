import type * as z from 'zod'
import type { Worker } from '#core/actor'
import { notFound } from '#core/error'
import { newId } from '#core/id'
import type { Services } from '#core/services'
import type { NewArtifact } from '#core/task/wire'
import { staleAttempt } from '#core/task/work'
import { type ArtifactStore, keyOf } from './store.ts'

type Row = { tenant_id: string; session_id: string }

/**
 * Makes an artifact of an attempt and says where its bytes are to be uploaded. It counts when something that
 * is accepted names it. @throws not_found, stale_attempt
 */
export async function createArtifact(
  services: Pick<Services, 'database' | 'load'> & { artifacts: ArtifactStore },
  worker: Worker,
  input: z.infer<typeof NewArtifact>,
) {
  const id = newId('artifact')
  const { task_id, attempt, kind, size } = input
  const [row] = await services.database.query<Row>(worker.tenant_id, {
    name: 'create_artifact',
    text: /* sql */ `
      insert into artifact (tenant_id, id, session_id, task_id, attempt, kind, size)
      select t.tenant_id, $1::text, t.session_id, t.id, t.attempt, $2::text, $3::bigint
      from task t
      where t.id = $4::text and t.agent_id = $5::text and t.attempt = $6::int
        and t.state in ('ASSIGNED', 'RUNNING', 'AWAITING_INPUT')
      returning tenant_id, session_id`,
    values: [id, kind, size, task_id, worker.agent_id, attempt],
  })
  if (!row) {
    const task = (await services.load.task(worker.tenant_id, task_id))?.tasks[0]
    throw task ? staleAttempt(task, attempt) : notFound('task', task_id)
  }
  return { id, upload: await services.artifacts.presignUpload(keyOf({ ...row, id }), size) }
}
