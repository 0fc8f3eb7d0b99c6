import { createHash } from 'node:crypto'
import type { Actor } from '#core/actor'
import { atomically } from '#core/database/atomically'
import type { Database, Query, Statement } from '#core/database/database'
import { OrchestratorError } from '#core/error'
import type { Services } from '#core/services'

export type IdempotentRequest = { key: string; route: string; body: string | Uint8Array }
export type StoredAnswer = { status: number; headers: Record<string, string>; body: string }

/** How long an answer is kept, in hours. */
export const keptHours = 24

/**
 * Takes the key, or waits for the transaction that has it: the primary key settles the race. An expired row is
 * taken over, and so is one that a refusal left behind without an answer. Nothing is answered when the key has an answer.
 */
function reserve(tenant_id: string, { key, route }: IdempotentRequest, hash: string): Statement {
  return {
    name: 'reserve_idempotency',
    text: /* sql */ `
      insert into idempotency as i (tenant_id, key, route, request_hash, status, response)
      values ($1::text, $2::text, $3::text, $4::text, 0, '')
      on conflict (tenant_id, key) do update set route = excluded.route, request_hash = excluded.request_hash,
        status = 0, response = '', created_at = now()
      where i.status = 0 or i.created_at < now() - interval '${keptHours} hours'
      returning i.key`,
    values: [tenant_id, key, route, hash],
  }
}

type Stored = { request_hash: string; status: number; response: string }

/**
 * Runs a verb once per key: its changes and its answer are stored in one transaction, so that there is never
 * one without the other. A repeat gets the stored answer; a concurrent one waits for it. What throws stores
 * nothing, and may be tried again with the same key.
 * @throws idempotency_mismatch when the key came with another request
 */
export async function once<S extends Services>(
  services: S,
  actor: Actor,
  request: IdempotentRequest,
  run: (services: S) => Promise<StoredAnswer>,
): Promise<StoredAnswer & { replayed: boolean }> {
  const { tenant_id } = actor
  const hash = createHash('sha256').update(`${request.route}\n`).update(request.body).digest('hex')
  return atomically(services, tenant_id, async (inside, query) => {
    const reserved = await query(reserve(tenant_id, request, hash))
    if (reserved.length === 0)
      return { ...(await replay(query, tenant_id, request.key, hash)), replayed: true }
    const made = await run(inside)
    const response = JSON.stringify({ headers: made.headers, body: made.body })
    await query({
      name: 'store_idempotency',
      text: 'update idempotency set status = $3::int, response = $4::text where tenant_id = $1::text and key = $2::text',
      values: [tenant_id, request.key, made.status, response],
    })
    return { ...made, replayed: false }
  })
}

async function replay(query: Query, tenant_id: string, key: string, hash: string): Promise<StoredAnswer> {
  const [row] = await query<Stored>({
    name: 'read_idempotency',
    text: 'select request_hash, status, response from idempotency where tenant_id = $1::text and key = $2::text',
    values: [tenant_id, key],
  })
  if (!row) throw new OrchestratorError('version_conflict', 'The Idempotency-Key is in use; try again.')
  if (row.request_hash !== hash) {
    const message = 'This Idempotency-Key came with another request before; use a new key for a new request.'
    throw new OrchestratorError('idempotency_mismatch', message)
  }
  const stored: Pick<StoredAnswer, 'headers' | 'body'> = JSON.parse(row.response)
  return { status: row.status, ...stored }
}

/** Forgets answers past their time, a bounded number at once; for the sweep, under the engine's role. */
export async function forgetAnswers(database: Database, limit = 1_000) {
  const gone = await database.query(null, {
    name: 'forget_answers',
    text: /* sql */ `
      delete from idempotency where (tenant_id, key) in (
        select tenant_id, key from idempotency
        where created_at < now() - interval '${keptHours} hours' limit $1::int for update skip locked)
      returning key`,
    values: [limit],
  })
  return gone.length
}
