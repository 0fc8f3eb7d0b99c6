import type { Session } from '#core/session/session'
import type { Retention } from './retention.ts'

const dayMs = 86_400_000

/**
 * Until when a session surely stays with all of its history; null while it has not ended. One that has forks stays
 * longer, until they are gone.
 */
export function historyUntil(
  { ended_at }: Pick<Session, 'ended_at'>,
  { sessions }: Pick<Retention, 'sessions'>,
) {
  return ended_at === null ? null : new Date(Date.parse(ended_at) + sessions * dayMs).toISOString()
}
