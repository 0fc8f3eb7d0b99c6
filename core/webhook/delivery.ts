import type { Actor } from '#core/actor'
import { notFound, OrchestratorError } from '#core/error'
import type { Services } from '#core/services'
import { readWebhook } from './read.ts'

type With = Pick<Services, 'database'>

export const deliveryStates = ['PENDING', 'DELIVERED', 'FAILED'] as const
export type DeliveryState = (typeof deliveryStates)[number]

/** One post: what was answered, or why nothing was. */
export type Try = { at: string; status: number | null; error: string | null; latency_ms: number }

/** One event on its way to one webhook; every try of it carries the same `webhook-id`, which is its id. */
export type Delivery = {
  id: string
  webhook_id: string
  event_type: string
  payload: string
  state: DeliveryState
  attempts: number
  next_attempt_at: string | null
  tries: Try[]
  created_at: string
  ended_at: string | null
}

const columns = `d.id, d.webhook_id, d.event_type, d.payload, d.state, d.attempts,
  case when d.state = 'PENDING' then d.next_attempt_at end as next_attempt_at, d.tries, d.created_at, d.ended_at`

/** Deliveries of a webhook, newest first; index: webhook_delivery_list. @throws not_found */
export async function listDeliveries(
  services: With,
  actor: Actor,
  webhook_id: string,
  { limit, before, state }: { limit: number; before: string | null; state: DeliveryState | null },
) {
  await readWebhook(services, actor, webhook_id)
  const rows = await services.database.query<Delivery>(actor.tenant_id, {
    name: 'list_deliveries',
    text: /* sql */ `
      select ${columns} from webhook_delivery d
      where d.webhook_id = $1::text and ($2::text is null or d.id < $2::text)
        and ($3::text is null or d.state = $3::text)
      order by d.id desc limit $4::int + 1`,
    values: [webhook_id, before, state, limit],
  })
  const items = rows.slice(0, limit)
  return { items, next_cursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}

/**
 * Sends a delivery again, with the same id and bytes and its retries from the start.
 * @throws not_found, illegal_transition while it is on its way
 */
export async function redeliver({ database }: With, { tenant_id }: Actor, webhook_id: string, id: string) {
  const [delivery] = await database.query<Delivery>(tenant_id, {
    name: 'redeliver',
    text: /* sql */ `
      update webhook_delivery d set state = 'PENDING', attempts = 0, next_attempt_at = now(), ended_at = null
      where d.id = $2::text and d.webhook_id = $1::text and d.state <> 'PENDING' returning ${columns}`,
    values: [webhook_id, id],
  })
  if (delivery) return delivery
  const known = await database.query(tenant_id, {
    name: 'read_delivery',
    text: 'select id from webhook_delivery where id = $2::text and webhook_id = $1::text',
    values: [webhook_id, id],
  })
  if (known.length === 0) throw notFound('delivery', id)
  throw new OrchestratorError('illegal_transition', 'The delivery is PENDING: it is on its way already.', {
    details: { state: 'PENDING', action: 'redeliver', legal_actions: [] },
  })
}

/** Writes a delivery of the type `webhook.ping`, for people to try a receiver with. @throws not_found */
export async function ping({ database }: With, { tenant_id }: Actor, webhook_id: string) {
  const [delivery] = await database.query<Delivery>(tenant_id, {
    name: 'ping_webhook',
    text: /* sql */ `
      insert into webhook_delivery as d (tenant_id, id, webhook_id, event_type, payload, next_attempt_at)
      select w.tenant_id, new_id('whd'), w.id, 'webhook.ping', json_build_object('type', 'webhook.ping', 'timestamp',
        to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'data', json_build_object('webhook_id', w.id))::text, now()
      from webhook w where w.id = $1::text returning ${columns}`,
    values: [webhook_id],
  })
  if (!delivery) throw notFound('webhook', webhook_id)
  return delivery
}
