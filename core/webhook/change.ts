import type { Actor } from '#core/actor'
import { notFound, OrchestratorError } from '#core/error'
import type { Reach } from '#core/network/address'
import type { Services } from '#core/services'
import { assertReachable } from './create.ts'
import { readWebhook } from './read.ts'
import { newSecret, type Webhook, type WebhookPatch, webhookColumns } from './webhook.ts'

type With = Pick<Services, 'database'>

/**
 * Changes a webhook; enabling it forgets how it failed. `if_version` is the version that the caller has seen.
 * @throws not_found, precondition_failed, invalid_input
 */
export async function patchWebhook(
  services: With,
  actor: Actor,
  id: string,
  patch: WebhookPatch,
  { if_version, reach }: { if_version: number | null; reach: Reach },
): Promise<Webhook> {
  if (patch.url !== undefined) assertReachable(patch.url, reach)
  const [webhook] = await services.database.query<Webhook>(actor.tenant_id, {
    name: 'patch_webhook',
    text: /* sql */ `
      update webhook w set
        url = coalesce($2::text, w.url), description = coalesce($3::text, w.description),
        event_types = coalesce($4::text[], w.event_types), state = coalesce($5::text, w.state),
        disabled_reason = case $5::text when 'ENABLED' then null when 'DISABLED' then 'A person disabled it.'
          else w.disabled_reason end,
        failing_since = case when $5::text = 'ENABLED' then null else w.failing_since end,
        version = w.version + 1, updated_at = now()
      where w.id = $1::text and ($6::bigint is null or w.version = $6::bigint)
      returning ${webhookColumns}`,
    values: [id, patch.url, patch.description, patch.event_types, patch.state, if_version],
  })
  if (webhook) return webhook
  const { version } = await readWebhook(services, actor, id)
  throw new OrchestratorError('precondition_failed', `The webhook is at version ${version}: read it again.`)
}

/** Gives it a new secret, told once; the old one signs too until the overlap (seconds) is over. @throws not_found */
export async function rotateSecret(
  { database }: With,
  { tenant_id }: Actor,
  id: string,
  { overlap_seconds }: { overlap_seconds: number },
) {
  const secret = newSecret()
  const [webhook] = await database.query<Webhook>(tenant_id, {
    name: 'rotate_webhook',
    text: /* sql */ `
      update webhook w set
        secret = $2::text, previous_secret = w.secret, previous_until = now() + make_interval(secs => $3::int),
        version = w.version + 1, updated_at = now()
      where w.id = $1::text returning ${webhookColumns}`,
    values: [id, secret, overlap_seconds],
  })
  if (!webhook) throw notFound('webhook', id)
  return { webhook, secret }
}

/** Deletes it with its deliveries. @throws not_found */
export async function deleteWebhook({ database }: With, { tenant_id }: Actor, id: string) {
  const gone = await database.query(tenant_id, {
    name: 'delete_webhook',
    text: 'delete from webhook where id = $1::text returning id',
    values: [id],
  })
  if (gone.length === 0) throw notFound('webhook', id)
}
