import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import type { CheckpointTrigger } from '#core/task/wire'

export type Checkpoint = {
  id: string
  session_id: string
  number: number
  trigger: CheckpointTrigger
  /** The last event that it includes. */
  seq: number
  task_id: string | null
  artifact_id: string | null
  size: number
  created_at: string
}

/** One checkpoint whole: every delta up to it, folded. */
export type WholeCheckpoint = Checkpoint & {
  session: Record<string, unknown>
  tasks: Record<string, unknown>[]
}

const columns =
  'c.id, c.session_id, c.number, c.trigger, c.seq, c.task_id, c.artifact_id, c.size, c.created_at'

/** Checkpoints of a session, newest first; the cursor is the last number; index: checkpoint_pkey. @throws not_found */
export async function listCheckpoints(
  services: Pick<Services, 'database'>,
  actor: Actor,
  session_id: string,
  { limit, before }: { limit: number; before: number | null },
) {
  const rows = await services.database.query<Checkpoint | { id: null; number: number }>(actor.tenant_id, {
    name: 'list_checkpoints',
    text: /* sql */ `
      select ${columns} from session s left join lateral (
        select * from checkpoint where session_id = s.id and ($2::int is null or number < $2::int)
        order by number desc limit $3::int + 1
      ) c on true
      where s.id = $1::text order by c.number desc`,
    values: [session_id, before, limit],
  })
  if (rows.length === 0) throw notFound('session', session_id)
  const found = rows.filter((row): row is Checkpoint => row.id !== null)
  const items = found.slice(0, limit)
  return { items, next_cursor: found.length > limit ? (items.at(-1)?.number ?? null) : null }
}

/** The later value of each field wins; index: checkpoint_pkey. */
const foldSql = /* sql */ `
with delta as (
  select number, changed from checkpoint where session_id = $1::text and number <= $2::int
),
task as (
  select element->>'id' as id, jsonb_object_agg(field.key, field.value::jsonb order by number) as task
  from delta, json_array_elements(changed->'tasks') element, json_each(element) field
  group by element->>'id'
)
select ${columns},
  (select jsonb_object_agg(field.key, field.value::jsonb order by number)
   from delta, json_each(changed->'session') field) as session,
  (select coalesce(jsonb_agg(task.task order by task.id), '[]') from task) as tasks
from checkpoint c where c.session_id = $1::text and c.number = $2::int`

/** How a session and its tasks stood at a checkpoint. @throws not_found */
export async function readCheckpoint(
  services: Pick<Services, 'database'>,
  actor: Actor,
  session_id: string,
  number: number,
): Promise<WholeCheckpoint> {
  const [row] = await services.database.query<WholeCheckpoint>(actor.tenant_id, {
    name: 'read_checkpoint',
    text: foldSql,
    values: [session_id, number],
  })
  if (!row) throw notFound('checkpoint', `${number} of session ${session_id}`)
  return { ...row, session: row.session ?? {}, tasks: row.tasks.map(withWork) }
}

/** States in which nothing of a run is left to go on with. */
const runOver: unknown[] = ['WAITING_CHILDREN', 'COMPLETED', 'FAILED', 'CANCELLED']

/** A snapshot of running work is stored as the text that the worker sent; it ends with the attempt. */
function withWork({ work, ...task }: Record<string, unknown>) {
  if (runOver.includes(task.state) || typeof work !== 'string') return task
  const parsed: unknown = JSON.parse(work)
  return { ...task, work: parsed }
}
