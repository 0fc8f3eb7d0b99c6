import type { Services } from '#core/services'
import type { Worker } from '#core/task/work'
import { bellOf } from '#core/wake/bell'
import type { InboxItem } from './wire.ts'

/** Items of one answer; they repeat until they are acked. */
const pageSize = 100
/** A ring may be lost: the table is looked at this often all the same, in ms. */
const lookEvery = 2_000

async function read(services: Pick<Services, 'database'>, { tenant_id, agent_id }: Worker) {
  return services.database.query<InboxItem>(tenant_id, {
    name: 'read_inbox',
    text: /* sql */ `
      select id, kind, task_id, attempt, data, created_at from inbox
      where agent_id = $1::text order by id limit ${pageSize}`,
    values: [agent_id],
  })
}

/** What waits for an agent: at once when there is something, else as soon as there is, within `wait_ms`. */
export async function readInbox(services: Services, worker: Worker, wait_ms: number, signal?: AbortSignal) {
  const until = Date.now() + wait_ms
  for (;;) {
    // The bell is heard from before the look, so that no ring falls between the two.
    const ring = new AbortController()
    const left = until - Date.now()
    const rung =
      left > 0
        ? services.bells.wait(bellOf.inbox(worker.agent_id), Math.min(left, lookEvery), ring.signal)
        : null
    const items = await read(services, worker)
    if (items.length > 0 || !rung || signal?.aborted) {
      ring.abort()
      return items
    }
    await rung
  }
}

/** Takes an item off. Repeated it does nothing. */
export async function ackInbox(services: Services, { tenant_id, agent_id }: Worker, id: string) {
  await services.database.query(tenant_id, {
    name: 'ack_inbox',
    text: 'delete from inbox where id = $1::text and agent_id = $2::text',
    values: [id, agent_id],
  })
}
