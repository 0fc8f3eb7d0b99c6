import * as z from 'zod'
import { countedTokens, type Usage } from './usage.ts'

export const Budget = z.strictObject({
  tokens: z.int().min(1).max(1e12).nullable().default(null),
  cost_usd: z.number().positive().max(1e6).nullable().default(null),
  seconds: z
    .int()
    .min(1)
    .max(30 * 86_400)
    .nullable()
    .default(null),
  tasks: z.int().min(1).max(1_000).nullable().default(null),
})
export type Budget = z.infer<typeof Budget>
export const noBudget: Budget = { tokens: null, cost_usd: null, seconds: null, tasks: null }

/** What a running task may spend before it reports again, or all of a session's may: whole tokens, dollars to 1e-6. */
export type Reserved = { tokens: number; cost_usd: number }
export const nothingReserved: Reserved = { tokens: 0, cost_usd: 0 }

/**
 * A slice is so much of the budget (one of `share`), and never more than `tokens` and `cost_usd`: small enough that
 * many tasks run at once, since every report tops it up. core/task/report.sql.ts does the same in SQL.
 */
export const slice = { share: 16, tokens: 50_000, cost_usd: 0.5 } as const

const dollars = (value: number) => Math.round(value * 1e6) / 1e6

export function plusReserved(a: Reserved, b: Reserved): Reserved {
  return { tokens: a.tokens + b.tokens, cost_usd: dollars(a.cost_usd + b.cost_usd) }
}

export function lessReserved(a: Reserved, b: Reserved): Reserved {
  return { tokens: a.tokens - b.tokens, cost_usd: dollars(a.cost_usd - b.cost_usd) }
}

type Spending = { budget: Budget; usage: Usage; reserved: Reserved }

/** What nobody has spent or reserved; null where there is no limit. */
function leftOf({ budget, usage, reserved }: Spending) {
  const tokens = budget.tokens === null ? null : budget.tokens - countedTokens(usage) - reserved.tokens
  const cost_usd =
    budget.cost_usd === null ? null : dollars(budget.cost_usd - usage.cost_usd - reserved.cost_usd)
  return { tokens, cost_usd }
}

const isNone = (left: number | null) => left !== null && left <= 0

/** The limits of a budget that are spent, whatever is reserved. */
export function spentLimits({ budget, usage }: Pick<Spending, 'budget' | 'usage'>) {
  const { tokens, cost_usd } = leftOf({ budget, usage, reserved: nothingReserved })
  return { tokens: isNone(tokens), cost_usd: isNone(cost_usd) }
}

/** What one more task may reserve: min(remaining, a slice) of each limit; null when one has nothing left. */
export function sliceOf(session: Spending): Reserved | null {
  const { budget } = session
  const left = leftOf(session)
  if (isNone(left.tokens) || isNone(left.cost_usd)) return null
  return {
    tokens: Math.min(left.tokens ?? 0, slice.tokens, Math.ceil((budget.tokens ?? 0) / slice.share)),
    cost_usd: Math.min(
      left.cost_usd ?? 0,
      slice.cost_usd,
      dollars(Math.max((budget.cost_usd ?? 0) / slice.share, 1e-6)),
    ),
  }
}

/** Why a READY task is not offered while others run on what is left. */
export const reservedSentence =
  'Waits for budget: what is left of it is reserved by tasks that run. It starts when one of them gives some back; a raised budget starts it now.'
