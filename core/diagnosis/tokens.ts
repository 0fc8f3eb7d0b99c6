import { tokensReason, tokensSentence } from '#core/tenant/tokens'
import type { Facts, Part, Wait } from './facts.ts'

/** The tenant has used up its tokens of the day: the next one begins by itself. */
export function tokensWait(
  { session: { tenant_id } }: Facts,
  path: Part[],
  { since, until }: { since: string; until: string },
): Wait {
  const quota: Part = { kind: 'quota', id: tenant_id, state: 'SPENT', quota: 'max_tokens_per_day', until }
  return {
    reason: tokensReason,
    sentence: tokensSentence,
    owner: 'timer',
    since,
    until,
    moves: ['The next day begins, at midnight UTC.', 'An admin raises max_tokens_per_day.'],
    path: [...path, quota],
  }
}
