import type { Session } from '../../../api/types.ts'

type Usage = Session['usage']

/** Tokens that count against a budget, as the server counts them (core/usage/usage.ts). */
export function countedTokens({ input_tokens, output_tokens, reasoning_tokens }: Usage) {
  return input_tokens + output_tokens + reasoning_tokens
}

export type Gauge = {
  name: string
  /** Spent and allowed, in the gauge's own unit; null where there is no limit. */
  value: number
  limit: number | null
  /** Spent of what is allowed, from 0 to 1. */
  ratio: number | null
}

/** How much of each limit is spent. `now` in ms. */
export function gaugesOf({ usage, budget, started_at, queued_at, ended_at }: Session, now: number): Gauge[] {
  const begun = started_at ?? queued_at
  const end = ended_at === null ? now : Date.parse(ended_at)
  const seconds = begun === null ? 0 : Math.max(0, (end - Date.parse(begun)) / 1_000)
  const gauge = (name: string, value: number, limit: number | null): Gauge => ({
    ...{ name, value, limit },
    ratio: limit === null ? null : Math.min(1, value / limit),
  })
  return [
    gauge('tokens', countedTokens(usage), budget.tokens),
    gauge('cost', usage.cost_usd, budget.cost_usd),
    gauge('duration', seconds, budget.seconds),
  ]
}
