import type { Actor } from '#core/actor'
import { OrchestratorError } from '#core/error'
import { type NewEvent, pageText } from '#core/event/event'
import { newId } from '#core/id'
import { channelOf } from '#core/live/channel'
import { validatePlan } from '#core/plan/plan'
import type { Services } from '#core/services'
import { noUsage } from '#core/usage/usage'
import { anyRepository, assertRepository, type RepositoryRules } from './repository.ts'
import type { NewSession } from './session.ts'

/**
 * Makes a session: PENDING, or QUEUED when it is to start at once.
 * @throws invalid_input for a repository that the rules do not allow, plan_invalid with a pointer for each fault of a given plan
 */
export async function createSession(
  services: Services,
  actor: Actor,
  input: NewSession,
  rules: RepositoryRules = anyRepository,
) {
  const { start, ...session } = input
  assertRepository(session.repository, rules)
  if (session.plan) checkPlan(session)
  const id = newId('session')
  const at = new Date().toISOString()
  const { title, priority, repository, labels, budget } = session
  const events: NewEvent[] = [
    {
      at,
      type: 'session.created',
      data: { title, priority, repository, labels, budget, planned: session.plan !== null },
    },
  ]
  if (start) events.push({ at, type: 'session.queued', data: { from: 'PENDING', to: 'QUEUED' } })
  const row = {
    ...session,
    approval_policy: { ...session.approval_policy, grants: [] },
    tenant_id: actor.tenant_id,
    id,
    state: start ? 'QUEUED' : 'PENDING',
    usage: noUsage,
    page: pageText(events),
    count: events.length,
    checkpoint_id: newId('checkpoint'),
  }
  const made = await services.create.insert(actor.tenant_id, row)
  services.told?.({ tenant_id: actor.tenant_id, session_id: id }, events)
  await services.bells.ring([channelOf.fleet(actor.tenant_id)])
  if (start) await services.wake([{ kind: 'session', tenant_id: actor.tenant_id, session_id: id }])
  return services.create.view(actor.tenant_id, made)
}

function checkPlan({ plan, budget }: Pick<NewSession, 'plan' | 'budget'>) {
  const verdict = validatePlan(plan, budget.tasks ?? undefined)
  if (verdict.ok) return
  const errors = verdict.errors.map(({ pointer, message }) => ({ pointer: `/plan${pointer}`, message }))
  throw new OrchestratorError('plan_invalid', 'The plan cannot be carried out as it is.', { errors })
}
