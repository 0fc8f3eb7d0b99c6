import type { Actor } from '#core/actor'
import { OrchestratorError } from '#core/error'
import { type DeadLetter, type DeadLetters, type Letter, reasonOf, tenantOf } from './dead-letter.ts'

type Needs = { deadLetters: DeadLetters }

export const toView = (letter: Letter): DeadLetter => ({ ...letter, reason: reasonOf(letter) })

export type LetterPage = { limit: number; before: string | null }

/** Sorts as the letters are listed: by the time of sending, in ms, then by the id. */
const placeOf = ({ sent_at, id }: Letter) => `${String(Date.parse(sent_at)).padStart(15, '0')}.${id}`

/** What was given up of the actor's tenant, newest first; the cursor is the last one's place. @throws dependency_unavailable */
export async function listDeadLetters(services: Needs, actor: Actor, { limit, before }: LetterPage) {
  const all = await ofTenant(services, actor)
  const rest = before === null ? all : all.filter((letter) => placeOf(letter) < before)
  const items = rest.slice(0, limit)
  const last = items.at(-1)
  return { items: items.map(toView), next_cursor: rest.length > limit && last ? placeOf(last) : null }
}

/** The tenant's own: what names another, or none, is as if it were not there. */
export async function ofTenant({ deadLetters }: Needs, { tenant_id }: Actor) {
  const letters = await asked(deadLetters.look())
  const mine = letters.filter((letter) => tenantOf(letter) === tenant_id)
  return mine.sort((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1))
}

/** @throws dependency_unavailable when the queues are away */
export async function asked<T>(question: Promise<T>) {
  return question.catch((cause: unknown) => {
    throw new OrchestratorError('dependency_unavailable', 'The queues cannot be asked now; try again.', {
      cause,
    })
  })
}
