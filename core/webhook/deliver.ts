import { Webhook } from 'standardwebhooks'
import type { Database } from '#core/database/database'
import { outcomeOf, type Posted } from './backoff.ts'
import { type Claimed, claimStatement, expectStatement, settleStatement } from './deliver.sql.ts'

export type Post = (url: string, headers: Record<string, string>, body: string) => Promise<Posted>

export type DeliverOptions = {
  /** For how long new deliveries are looked for, in ms; those under way are then waited for. */
  window_ms: number
  /** How often it is looked, in ms. */
  every_ms: number
  signal: AbortSignal
}

/** Posts under way at once: of one webhook, and of all. */
const each = 4
const most = 200

/**
 * Posts what is due until nothing more is to be expected or the window is over. Each claim is a transaction, each
 * outcome another: who dies between them leaves a claim that runs out, and the delivery is posted again, with its id.
 */
export async function deliver(
  services: { database: Database; post: Post },
  { window_ms, every_ms, signal }: DeliverOptions,
) {
  const { database } = services
  const until = Date.now() + window_ms
  const busy = new Map<string, number>()
  const underway = new Set<Promise<void>>()
  const counts = { delivered: 0, failed: 0, retried: 0 }
  while (!signal.aborted && Date.now() < until) {
    const room = most - underway.size
    const claimed = room > 0 ? await database.query<Claimed>(null, claimStatement(busy, each, room)) : []
    for (const one of claimed) {
      busy.set(one.webhook_id, (busy.get(one.webhook_id) ?? 0) + 1)
      const posting = carry(services, one, counts).finally(() => {
        const left = (busy.get(one.webhook_id) ?? 1) - 1
        if (left > 0) busy.set(one.webhook_id, left)
        else busy.delete(one.webhook_id)
        underway.delete(posting)
      })
      underway.add(posting)
    }
    if (claimed.length === 0 && !(await isExpected(database, until))) break
    await next(underway, claimed.length > 0 ? 0 : every_ms, signal)
  }
  await Promise.all(underway)
  return counts
}

async function isExpected(database: Database, until: number) {
  const seconds = Math.max(0, until - Date.now()) / 1_000
  const [row] = await database.query<{ more: boolean }>(null, expectStatement(seconds))
  return row?.more ?? false
}

/** Until a post is over, or it is time to look again. */
async function next(underway: Set<Promise<void>>, ms: number, signal: AbortSignal) {
  let wake = () => {}
  const timer = new Promise<void>((resolve) => {
    const handle = setTimeout(resolve, ms)
    wake = () => {
      clearTimeout(handle)
      resolve()
    }
    signal.addEventListener('abort', wake, { once: true })
  })
  await Promise.race([timer, ...underway])
  wake()
  signal.removeEventListener('abort', wake)
}

type Counts = { delivered: number; failed: number; retried: number }

async function carry({ database, post }: { database: Database; post: Post }, one: Claimed, counts: Counts) {
  const posted = await post(one.url, headersOf(one, new Date()), one.payload)
  const outcome = outcomeOf(posted, one.attempts, Math.random())
  const name = { DELIVERED: 'delivered', FAILED: 'failed', PENDING: 'retried' } as const
  counts[name[outcome.kind]] += 1
  // Postgres away: the claim runs out, and it is posted again.
  await database.query(null, settleStatement(one, posted, outcome)).catch(() => {})
}

/** Standard Webhooks: signed with each secret that holds. */
export function headersOf({ id, payload, secret, previous_secret }: Claimed, now: Date) {
  const secrets = previous_secret === null ? [secret] : [secret, previous_secret]
  return {
    'content-type': 'application/json',
    'user-agent': 'OpenCode-Orchestrator-Webhooks/1',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': secrets.map((one) => new Webhook(one).sign(id, now, payload)).join(' '),
  }
}
