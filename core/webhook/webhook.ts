import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { addressFault, type Reach } from '#core/network/address'

/** What a webhook can be told of; the names are those of the events in a session's history. */
export const webhookEventTypes = [
  'session.queued',
  'session.running',
  'session.pausing',
  'session.paused',
  'session.stopping',
  'session.stopped',
  'session.completed',
  'session.failed',
  'approval.requested',
  'approval.answered',
  'approval.expired',
  'approval.withdrawn',
] as const
export type WebhookEventType = (typeof webhookEventTypes)[number]

export const webhookStates = ['ENABLED', 'DISABLED'] as const

/** As it is shown: never its secrets. */
export type Webhook = {
  id: string
  url: string
  description: string
  event_types: WebhookEventType[]
  state: (typeof webhookStates)[number]
  /** Why it was disabled, by a person or by what its receiver answered. */
  disabled_reason: string | null
  /** Since when no delivery has arrived. */
  failing_since: string | null
  /** Until when the secret before the last rotation signs too. */
  previous_until: string | null
  version: number
  created_at: string
  updated_at: string
}

export const webhookColumns = `w.id, w.url, w.description, w.event_types, w.state, w.disabled_reason, w.failing_since,
  case when w.previous_until > now() then w.previous_until end as previous_until, w.version, w.created_at, w.updated_at`

/** Of a tenant at most so many: each change of a session may write a delivery for every one. */
export const maxWebhooks = 100

const fields = {
  url: z.string().min(1).max(2_000),
  description: z
    .string()
    .max(200)
    .regex(/^\P{Cc}*$/u, 'must not contain control characters'),
  event_types: z
    .array(z.enum(webhookEventTypes))
    .min(1)
    .max(webhookEventTypes.length)
    .transform((given) => [...new Set(given)]),
}

export const NewWebhook = z.strictObject({
  url: fields.url,
  description: fields.description.default(''),
  event_types: fields.event_types.default([...webhookEventTypes]),
})
export type NewWebhook = z.output<typeof NewWebhook>

export const WebhookPatch = z.strictObject({
  url: fields.url.optional(),
  description: fields.description.optional(),
  event_types: fields.event_types.optional(),
  state: z.enum(webhookStates).optional(),
})
export type WebhookPatch = z.output<typeof WebhookPatch>

/** How long the old secret goes on signing beside the new one, in seconds. */
export const Rotation = z
  .strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(7 * 86_400)
      .default(86_400),
  })
  .default({ overlap_seconds: 86_400 })

/** What is wrong with a receiver's address as it stands; what its name leads to is looked at by each delivery. */
export function urlFault(text: string, reach: Reach): string | null {
  if (!URL.canParse(text)) return 'must be a URL'
  const url = new URL(text)
  if (url.protocol !== 'https:' && !(reach === 'any' && url.protocol === 'http:'))
    return 'must be an https URL'
  if (url.username || url.password) return 'must not carry a name or password'
  if (url.hash) return 'must not have a fragment'
  return addressFault(url.hostname.replace(/^\[|\]$/g, ''), reach)
}

/** A secret as Standard Webhooks has it: `whsec_` and 32 random bytes. */
export function newSecret() {
  return `whsec_${randomBytes(32).toString('base64')}`
}
