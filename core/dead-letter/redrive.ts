import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { DeadLetter, DeadLetters } from './dead-letter.ts'
import { asked, ofTenant, toView } from './list.ts'

/** Sends one of the tenant's again to the queue that it came from. @throws not_found, dependency_unavailable */
export async function redriveDeadLetter(
  services: { deadLetters: DeadLetters },
  actor: Actor,
  id: string,
): Promise<DeadLetter> {
  const letter = (await ofTenant(services, actor)).find((one) => one.id === id)
  if (!letter || !(await asked(services.deadLetters.redrive(letter)))) throw notFound('dead letter', id)
  return toView(letter)
}
