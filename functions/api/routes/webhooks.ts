import * as z from 'zod'
import { deleteWebhook, patchWebhook, rotateSecret } from '#core/webhook/change'
import { createWebhook } from '#core/webhook/create'
import { deliveryStates, listDeliveries, ping, redeliver } from '#core/webhook/delivery'
import { listWebhooks, readWebhook } from '#core/webhook/read'
import { NewWebhook, Rotation, WebhookPatch } from '#core/webhook/webhook'
import { decodeCursor, encodeCursor, listQuery } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { ifMatch } from '../etag.ts'
import { Delivery, DeliveryList, Webhook, WebhookList, WebhookMade } from '../schemas/webhook.ts'

const base = '/api/v1/webhooks'
const one = `${base}/{id}`
const common = {
  ...nothing,
  scope: 'admin',
  tag: 'webhooks',
  path: one,
  params: { id: 'webhook' },
} as const
const etag = ({ version }: { version: number }) => ({ etag: `"${version}"` })

/** Webhooks: make, list, read, change, rotate, delete, try; and what was posted to them. */
export function webhookRoutes(api: Api) {
  endpoint(api, {
    ...common,
    // A secret is told once: no answer of this is stored.
    idempotent: false,
    name: 'create_webhook',
    method: 'post',
    path: base,
    params: {},
    summary: 'Make a webhook; the secret that signs is told once',
    body: NewWebhook,
    status: 201,
    answer: WebhookMade,
    headers: ({ webhook }) => ({ location: `${base}/${webhook.id}`, 'cache-control': 'no-store' }),
    audit: { resource: (_call, { webhook }) => ({ kind: 'webhook', id: webhook.id }) },
    run: ({ services, actor, body }) => createWebhook(services, actor, body, services.webhook_reach),
  })
  endpoint(api, {
    ...common,
    name: 'list_webhooks',
    method: 'get',
    path: base,
    params: {},
    summary: 'List webhooks, newest first',
    query: z.strictObject(listQuery),
    answer: WebhookList,
    async run({ services, actor, query: { limit, cursor } }) {
      const before = decodeCursor('webhooks', cursor)
      const page = await listWebhooks(services, actor, { limit, before })
      return { ...page, next_cursor: encodeCursor('webhooks', page.next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    name: 'read_webhook',
    method: 'get',
    summary: 'Read a webhook: whether it is enabled, and if not, why',
    answer: Webhook,
    headers: etag,
    run: ({ services, actor, param }) => readWebhook(services, actor, param('id')),
  })
  endpoint(api, {
    ...common,
    name: 'update_webhook',
    method: 'patch',
    summary: 'Change a webhook, or enable it again; `If-Match` takes the ETag of a read',
    body: WebhookPatch,
    answer: Webhook,
    headers: etag,
    run: ({ services, actor, param, body, request }) =>
      patchWebhook(services, actor, param('id'), body, {
        if_version: ifMatch(request),
        reach: services.webhook_reach,
      }),
  })
  endpoint(api, {
    ...common,
    name: 'delete_webhook',
    method: 'delete',
    summary: 'Delete a webhook with its deliveries',
    status: 204,
    run: ({ services, actor, param }) => deleteWebhook(services, actor, param('id')),
  })
  endpoint(api, {
    ...common,
    idempotent: false,
    name: 'rotate_webhook',
    method: 'post',
    path: `${one}/rotate`,
    summary: 'Give it a new secret, told once; the old one signs too until the overlap is over',
    body: Rotation,
    answer: WebhookMade,
    headers: () => ({ 'cache-control': 'no-store' }),
    run: ({ services, actor, param, body }) => rotateSecret(services, actor, param('id'), body),
  })
  endpoint(api, {
    ...common,
    name: 'ping_webhook',
    method: 'post',
    path: `${one}/ping`,
    summary: 'Send it an event of the type `webhook.ping`, within a minute',
    status: 202,
    answer: Delivery,
    run: ({ services, actor, param }) => ping(services, actor, param('id')),
  })
  endpoint(api, {
    ...common,
    name: 'list_deliveries',
    method: 'get',
    path: `${one}/deliveries`,
    summary: 'What was or will be posted to it, newest first, with every try of late',
    query: z.strictObject({ ...listQuery, state: z.enum(deliveryStates).optional() }),
    answer: DeliveryList,
    async run({ services, actor, param, query: { limit, cursor, state } }) {
      const page = { limit, before: decodeCursor('deliveries', cursor), state: state ?? null }
      const { items, next_cursor } = await listDeliveries(services, actor, param('id'), page)
      return { items, next_cursor: encodeCursor('deliveries', next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    name: 'redeliver',
    method: 'post',
    path: `${one}/deliveries/{delivery}/redeliver`,
    params: { id: 'webhook', delivery: 'delivery' },
    summary: 'Post a delivery again, with the same id and bytes',
    status: 202,
    answer: Delivery,
    run: ({ services, actor, param }) => redeliver(services, actor, param('id'), param('delivery')),
  })
}
