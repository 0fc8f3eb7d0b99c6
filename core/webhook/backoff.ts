/** Seconds before the next try, by how many there were; together a day. */
const pauses = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800]

/** A receiver that has taken nothing for so long is not called any more, in days. */
export const givenUpDays = 5

/** Seconds until the next try after `attempts` of them, spread by `chance` (0 to 1); null: it was the last. */
export function pauseAfter(attempts: number, chance: number): number | null {
  const pause = pauses[attempts - 1]
  return pause === undefined ? null : pause * (0.8 + 0.4 * chance)
}

export type Posted = { status: number | null; error: string | null; latency_ms: number }

export type Outcome =
  | { kind: 'DELIVERED' }
  | { kind: 'PENDING'; seconds: number }
  | { kind: 'FAILED'; disable: string | null }

/** What an answer means: 2xx has arrived, 410 wants no more, anything else is tried again for a day. */
export function outcomeOf({ status }: Posted, attempts: number, chance: number): Outcome {
  if (status !== null && status >= 200 && status < 300) return { kind: 'DELIVERED' }
  if (status === 410) return { kind: 'FAILED', disable: 'Its receiver answered 410 Gone.' }
  const seconds = pauseAfter(attempts, chance)
  return seconds === null ? { kind: 'FAILED', disable: null } : { kind: 'PENDING', seconds }
}
