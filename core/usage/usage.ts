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
