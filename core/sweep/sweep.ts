import type { Database } from '#core/database/database'
import { forgetAnswers } from '#core/idempotency/idempotency'
import type { Wake } from '#core/wake/wake'

/** Rows that one statement claims; a call goes on until nothing is overdue or its rounds are used up. */
const batch = 500
const maxRounds = 20

/**
 * How far claimed rows are pushed on: for longer than a sweep may run, so that two do not send the same; and not to
 * the next one, a minute later, which would just miss what a queue has swallowed.
 */
const pushed = '30 seconds'

/** Claims overdue rows; index: session_live. */
const overdueSessions = /* sql */ `
  update session s set wake_at = now() + interval '${pushed}'
  from (select id from session
        where state not in ('COMPLETED', 'FAILED', 'STOPPED') and wake_at <= now()
        order by wake_at limit ${batch} for update skip locked) o
  where s.id = o.id returning s.id, s.tenant_id`

/** Index: tenant_wake. */
const overdueTenants = /* sql */ `
  update tenant t set wake_at = now() + interval '${pushed}'
  from (select id from tenant where wake_at <= now() order by wake_at limit ${batch} for update skip locked) o
  where t.id = o.id returning t.id`

/** The net under the queue: wakes whatever is overdue, because its message was lost or its step died. */
export async function sweep(services: { database: Database; wake: (wakes: Wake[]) => Promise<void> }) {
  let sessions = 0
  let tenants = 0
  for (let round = 0; round < maxRounds; round++) {
    const rows = await services.database.query<{ id: string; tenant_id: string }>(null, {
      name: 'sweep_sessions',
      text: overdueSessions,
      values: [],
    })
    const fleets = await services.database.query<{ id: string }>(null, {
      name: 'sweep_tenants',
      text: overdueTenants,
      values: [],
    })
    await services.wake([
      ...rows.map(({ id, tenant_id }): Wake => ({ kind: 'session', tenant_id, session_id: id })),
      ...fleets.map(({ id }): Wake => ({ kind: 'tenant', tenant_id: id })),
    ])
    sessions += rows.length
    tenants += fleets.length
    if (rows.length < batch && fleets.length < batch) break
  }
  await forgetAnswers(services.database)
  return { sessions, tenants }
}
