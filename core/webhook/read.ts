import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import { type Webhook, webhookColumns } from './webhook.ts'

type With = Pick<Services, 'database'>

/** One webhook, without its secrets. @throws not_found */
export async function readWebhook({ database }: With, { tenant_id }: Actor, id: string) {
  const [webhook] = await database.query<Webhook>(tenant_id, {
    name: 'read_webhook',
    text: `select ${webhookColumns} from webhook w where w.id = $1::text`,
    values: [id],
  })
  if (!webhook) throw notFound('webhook', id)
  return webhook
}

/** Webhooks, newest first; index: webhook_list. The cursor is the last id. */
export async function listWebhooks(
  { database }: With,
  { tenant_id }: Actor,
  { limit, before }: { limit: number; before: string | null },
) {
  const rows = await database.query<Webhook>(tenant_id, {
    name: 'list_webhooks',
    text: /* sql */ `
      select ${webhookColumns} from webhook w
      where w.tenant_id = $1::text and ($2::text is null or w.id < $2::text)
      order by w.id desc limit $3::int + 1`,
    values: [tenant_id, before, limit],
  })
  const items = rows.slice(0, limit)
  return { items, next_cursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}
