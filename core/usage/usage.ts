import * as z from 'zod'

const tokens = z.int().min(0).max(1e12).default(0)

/** What the engine's own messages say was used. A report is a delta; a record holds the sum. */
export const Usage = z.strictObject({
  input_tokens: tokens,
  output_tokens: tokens,
  reasoning_tokens: tokens,
  cache_read_tokens: tokens,
  cache_write_tokens: tokens,
  cost_usd: z.number().min(0).max(1e6).default(0),
})
export type Usage = z.infer<typeof Usage>

export const usageColumns = Object.keys(Usage.shape)

export const noUsage: Usage = {
  input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd: 0,
}

/** Tokens that count against a budget: cache reads are already paid with the prompt that wrote them. */
export function countedTokens(usage: Usage) {
  return usage.input_tokens + usage.output_tokens + usage.reasoning_tokens
}

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    reasoning_tokens: a.reasoning_tokens + b.reasoning_tokens,
    cache_read_tokens: a.cache_read_tokens + b.cache_read_tokens,
    cache_write_tokens: a.cache_write_tokens + b.cache_write_tokens,
    cost_usd: a.cost_usd + b.cost_usd,
  }
}
