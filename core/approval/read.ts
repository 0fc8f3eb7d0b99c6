import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import type { Approval } from './approval.ts'
import type { ApprovalState } from './states.ts'

type Reading = Pick<Services, 'database'>

/** An approval, whatever its state. @throws not_found */
export async function readApproval(services: Reading, actor: Actor, id: string): Promise<Approval> {
  const [row] = await services.database.query<Approval>(actor.tenant_id, {
    name: 'read_approval',
    text: 'select * from approval where id = $1::text',
    values: [id],
  })
  if (!row) throw notFound('approval', id)
  return row
}

/** What an engine's ask has become in this attempt; index: approval_task_id_attempt_engine_ref_key. */
export async function findApproval(
  services: Reading,
  tenant_id: string,
  { task_id, attempt, engine_ref }: Pick<Approval, 'task_id' | 'attempt' | 'engine_ref'>,
) {
  const [row] = await services.database.query<Approval>(tenant_id, {
    name: 'find_approval',
    text: 'select * from approval where task_id = $1::text and attempt = $2::int and engine_ref = $3::text',
    values: [task_id, attempt, engine_ref],
  })
  return row ?? null
}

export type ApprovalFilter = {
  states: ApprovalState[] | null
  session_id: string | null
  limit: number
  before: string | null
}

/** Approvals, newest first; the cursor is the last id; indexes: approval_list, approval_session. */
export async function listApprovals(services: Reading, actor: Actor, filter: ApprovalFilter) {
  const { states, session_id, limit, before } = filter
  const rows = await services.database.query<Approval>(actor.tenant_id, {
    name: 'list_approvals',
    text: /* sql */ `
      select * from approval
      where ($1::text[] is null or state = any($1::text[])) and ($2::text is null or session_id = $2::text)
        and ($3::text is null or id < $3::text)
      order by id desc limit $4::int + 1`,
    values: [states, session_id, before, limit],
  })
  const items = rows.slice(0, limit)
  return { items, next_cursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}
