import { OrchestratorError } from '#core/error'
import type { Services } from '#core/services'
import { ring } from './announce.ts'
import { type Draft, draftOf, isChanged, type Known } from './draft.ts'

/**
 * Others may have moved the session between the look and the commit; each try looks anew. One of those that
 * meet wins each time, and all tasks of a wide plan may be claimed at once: as many tries as that takes.
 */
const maxTries = 64

/**
 * What every verb that changes a session does: look, decide, commit by compare-and-set, and wake the engine.
 * `decide` may run several times and must be pure; an unchanged draft is answered without a commit.
 * @throws not_found, version_conflict, and whatever `decide` throws
 */
export async function change(
  services: Services,
  what: string,
  load: () => Promise<Known | null>,
  decide: (draft: Draft) => void,
): Promise<Draft> {
  for (let tries = 0; tries < maxTries; tries++) {
    const known = await load()
    if (!known) throw new OrchestratorError('not_found', `There is no ${what}.`)
    const draft = draftOf(known)
    decide(draft)
    if (!isChanged(draft)) return draft
    const isQuiet = draft.quiet && draft.session.wake_at !== null
    // The outbox: due at once, until a step has looked.
    if (!isQuiet) draft.session = { ...draft.session, wake_at: 'now' }
    const outcome = await services.commit(draft)
    if (outcome === 'conflict') continue
    const wake_at = isQuiet ? draft.session.wake_at : draft.now
    draft.session = { ...draft.session, ...outcome, wake_at, updated_at: draft.now }
    await Promise.all([ring(services, [draft]), isQuiet ? null : wake(services, draft)])
    return draft
  }
  throw new OrchestratorError('version_conflict', `The session of ${what} is changing too fast; try again.`)
}

async function wake(services: Services, { session }: Draft) {
  await services.wake([{ kind: 'session', tenant_id: session.tenant_id, session_id: session.id }])
}
