import * as z from 'zod'
import { deliveryStates } from '#core/webhook/delivery'
import { NewWebhook, Rotation, WebhookPatch, webhookEventTypes, webhookStates } from '#core/webhook/webhook'
import { answer, body } from '../document.ts'
import { cursor, time } from './parts.ts'

body('NewWebhook', NewWebhook)
body('WebhookPatch', WebhookPatch)
body('Rotation', Rotation)

export const Webhook = answer(
  'Webhook',
  z.object({
    id: z.string(),
    url: z.string(),
    description: z.string(),
    event_types: z.array(z.enum(webhookEventTypes)),
    state: z.enum(webhookStates),
    disabled_reason: z.string().nullable(),
    failing_since: time.nullable(),
    previous_until: time.nullable(),
    version: z.int(),
    created_at: time,
    updated_at: time,
  }),
)

export const WebhookList = answer('WebhookList', z.object({ items: z.array(Webhook), next_cursor: cursor }))
export const WebhookMade = answer('WebhookMade', z.object({ webhook: Webhook, secret: z.string() }))

export const Delivery = answer(
  'Delivery',
  z.object({
    id: z.string(),
    webhook_id: z.string(),
    event_type: z.string(),
    payload: z.string(),
    state: z.enum(deliveryStates),
    attempts: z.int(),
    next_attempt_at: time.nullable(),
    tries: z.array(
      z.object({ at: time, status: z.int().nullable(), error: z.string().nullable(), latency_ms: z.int() }),
    ),
    created_at: time,
    ended_at: time.nullable(),
  }),
)

export const DeliveryList = answer(
  'DeliveryList',
  z.object({ items: z.array(Delivery), next_cursor: cursor }),
)
