import { api } from '../../../api/endpoints.ts'
import type { SessionEvent } from '../../../api/types.ts'

/** Events of one answer at most, and answers that are under way at a time. */
export const eventsAtOnce = 1_000
const answersAtOnce = 3

/** Events after `from` up to `to`, in order and whole. @throws Refusal, Unreachable */
export async function* readHistory(session_id: string, from: number, to: number, signal: AbortSignal) {
  const starts: number[] = []
  for (let after = from; after < to; after += eventsAtOnce) starts.push(after)
  const flights: Promise<SessionEvent[]>[] = []
  const launch = () => {
    const after = starts.shift()
    if (after === undefined) return
    const flight = readRange(session_id, after, Math.min(to, after + eventsAtOnce), signal)
    // Whoever takes them in turn hears of a failure then; until that, nobody has missed it.
    flight.catch(() => {})
    flights.push(flight)
  }
  for (let i = 0; i < answersAtOnce; i += 1) launch()
  for (let flight = flights.shift(); flight; flight = flights.shift()) {
    const events = await flight
    launch()
    yield events
  }
}

/** An answer may end before its limit, when its events are long. */
async function readRange(session_id: string, from: number, to: number, signal: AbortSignal) {
  const events: SessionEvent[] = []
  for (let after = from; after < to; ) {
    const page = await api.events(session_id, { after, limit: to - after }, { signal })
    events.push(...page.items)
    if (page.next_after <= after) throw new Error(`The history ends at ${after}, before ${to}.`)
    after = page.next_after
  }
  return events
}
