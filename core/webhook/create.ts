import type { Actor } from '#core/actor'
import { OrchestratorError } from '#core/error'
import { newId } from '#core/id'
import type { Reach } from '#core/network/address'
import type { Services } from '#core/services'
import { maxWebhooks, type NewWebhook, newSecret, urlFault, type Webhook, webhookColumns } from './webhook.ts'

/** Makes a webhook. Its secret is told once. @throws invalid_input when it leads where it may not, or is one too many */
export async function createWebhook(
  { database }: Pick<Services, 'database'>,
  { tenant_id }: Actor,
  { url, description, event_types }: NewWebhook,
  reach: Reach,
): Promise<{ webhook: Webhook; secret: string }> {
  assertReachable(url, reach)
  const secret = newSecret()
  const [webhook] = await database.query<Webhook>(tenant_id, {
    name: 'create_webhook',
    text: /* sql */ `
      insert into webhook as w (tenant_id, id, url, description, event_types, secret)
      select $1::text, $2::text, $3::text, $4::text, $5::text[], $6::text
      where (select count(*) from webhook where tenant_id = $1::text) < ${maxWebhooks}
      returning ${webhookColumns}`,
    values: [tenant_id, newId('webhook'), url, description, event_types, secret],
  })
  if (webhook) return { webhook, secret }
  throw new OrchestratorError('invalid_input', `There are ${maxWebhooks} webhooks already: delete one first.`)
}

/** @throws invalid_input */
export function assertReachable(url: string, reach: Reach) {
  const fault = urlFault(url, reach)
  if (fault === null) return
  const errors = [{ pointer: '/url', message: fault }]
  throw new OrchestratorError('invalid_input', `The body is not valid: /url ${fault}.`, { errors })
}
