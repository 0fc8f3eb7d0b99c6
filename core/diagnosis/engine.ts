import type { Facts, Wait } from './facts.ts'

/** Within this time the sweep finds whatever a lost message left lying, in ms. */
const sweepMs = 60_000

/** The engine is about to act: woken already, and found by the sweep at the latest. */
export function engineWait({ now }: Pick<Facts, 'now'>, reason: string, sentence: string, since: string) {
  const until = new Date(Date.parse(now) + sweepMs).toISOString()
  const moves = ['The next step of the engine, by the sweep at the latest.']
  return { reason, sentence, owner: 'engine', since, until, moves } satisfies Omit<Wait, 'path'>
}
