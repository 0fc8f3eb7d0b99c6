import type { Statement } from '#core/database/database'
import { givenUpDays, type Outcome, type Posted } from './backoff.ts'

export type Claimed = {
  id: string
  webhook_id: string
  payload: string
  attempts: number
  url: string
  secret: string
  /** While its overlap lasts. */
  previous_secret: string | null
}

/** How long a claim holds, in seconds: longer than a post may take. Who dies with it posts no more, another does. */
const claimSeconds = 60

/**
 * Claims what is due, of each webhook at most `each` less what is under way for it, so that one that is slow takes
 * nothing from the others; indexes: webhook_enabled, webhook_delivery_due.
 */
export function claimStatement(busy: ReadonlyMap<string, number>, each: number, limit: number): Statement {
  return {
    name: 'claim_deliveries',
    text: /* sql */ `
      with busy as (select key as id, value::int as n from json_each_text($1::json)),
      due as materialized (
        select d.id from webhook w left join busy b on b.id = w.id
        cross join lateral (
          select d.id, d.next_attempt_at from webhook_delivery d
          where d.webhook_id = w.id and d.state = 'PENDING' and d.next_attempt_at <= now()
          order by d.next_attempt_at limit greatest(0, $2::int - coalesce(b.n, 0)) for update skip locked) d
        where w.state = 'ENABLED' order by d.next_attempt_at limit $3::int)
      update webhook_delivery d
      set attempts = d.attempts + 1, next_attempt_at = now() + interval '${claimSeconds} seconds'
      from due, webhook w where d.id = due.id and w.id = d.webhook_id
      returning d.id, d.webhook_id, d.payload, d.attempts, w.url, w.secret,
        case when w.previous_until > now() then w.previous_secret end as previous_secret`,
    values: [JSON.stringify(Object.fromEntries(busy)), each, limit],
  }
}

/** Stores how a post went, unless another has claimed it since: its number of attempts is the fence. */
export function settleStatement(claimed: Claimed, posted: Posted, outcome: Outcome): Statement {
  const { status, error, latency_ms } = posted
  return {
    name: 'settle_delivery',
    text: /* sql */ `
      with settled as (
        update webhook_delivery d set
          state = $3::text, next_attempt_at = case when $3::text = 'PENDING' then now() + make_interval(secs => $4::float8) end,
          ended_at = case when $3::text <> 'PENDING' then now() end,
          tries = (select json_agg(t order by n) from (
            select t, n from (
              select value as t, ordinality as n from json_array_elements(d.tries) with ordinality
              union all select json_build_object('at', now(), 'status', $5::int, 'error', $6::text, 'latency_ms', $7::int), 1e6
            ) a order by n desc limit 20) kept)
        where d.id = $1::text and d.attempts = $2::int and d.state = 'PENDING' returning d.webhook_id
      )
      update webhook w set
        failing_since = case when $3::text = 'DELIVERED' then null else coalesce(w.failing_since, now()) end,
        state = case when $8::text is not null or $3::text <> 'DELIVERED' and w.failing_since < now() - interval '${givenUpDays} days'
          then 'DISABLED' else w.state end,
        disabled_reason = case when $8::text is not null then $8::text
          when $3::text <> 'DELIVERED' and w.failing_since < now() - interval '${givenUpDays} days'
          then 'No delivery has arrived for ${givenUpDays} days.' else w.disabled_reason end
      from settled where w.id = settled.webhook_id and w.state = 'ENABLED'
        and ($3::text <> 'DELIVERED' or w.failing_since is not null)`,
    values: [
      claimed.id,
      claimed.attempts,
      outcome.kind,
      outcome.kind === 'PENDING' ? outcome.seconds : 0,
      ...[status, error, Math.round(latency_ms)],
      outcome.kind === 'FAILED' ? outcome.disable : null,
    ],
  }
}

/** Whether more may soon be due: a session moves whose tenant has webhooks, or a retry comes within `seconds`. */
export function expectStatement(seconds: number): Statement {
  return {
    name: 'expect_deliveries',
    text: /* sql */ `
      select exists (
        select from webhook w where w.state = 'ENABLED' and (
          exists (select from session s where s.tenant_id = w.tenant_id
                  and s.state in ('QUEUED', 'RUNNING', 'PAUSING', 'STOPPING'))
          or exists (select from webhook_delivery d where d.webhook_id = w.id and d.state = 'PENDING'
                     and d.next_attempt_at <= now() + make_interval(secs => $1::float8)))) as more`,
    values: [seconds],
  }
}
