import type { Worker } from '#core/actor'
import { channelOf } from '#core/live/channel'
import type { Services } from '#core/services'

/** A ring may be lost: the table is looked at this often all the same, in ms. */
const lookEvery = 2_000

/** What waits for an agent: at once when there is something, else as soon as there is, within `wait_ms`. */
export async function readInbox(services: Services, worker: Worker, wait_ms: number, signal?: AbortSignal) {
  const until = Date.now() + wait_ms
  for (;;) {
    // The bell is heard from before the look, so that no ring falls between the two.
    const ring = new AbortController()
    const left = until - Date.now()
    const channel = channelOf.agent(worker.tenant_id, worker.agent_id)
    const rung = left > 0 ? services.bells.wait(channel, Math.min(left, lookEvery), ring.signal) : null
    const items = await services.inbox.read(worker.tenant_id, worker.agent_id)
    if (items.length > 0 || !rung || signal?.aborted) {
      ring.abort()
      return items
    }
    await rung
  }
}

/** Takes an item off. Repeated it does nothing. */
export async function ackInbox(services: Services, { tenant_id, agent_id }: Worker, id: string) {
  await services.inbox.ack(tenant_id, { agent_id, id })
}
