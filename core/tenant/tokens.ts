/** Why a session waits whose tenant has used up its tokens of the day. */
export const tokensReason = 'tokens_per_day'

export const tokensSentence =
  "The tenant's tokens of the day are used up. It goes on at midnight, UTC, or when an admin raises max_tokens_per_day."

/** What a wait for the day's end says. */
export function tokensWaiting(since: string, until: string) {
  return { reason: tokensReason, sentence: tokensSentence, since, until }
}
