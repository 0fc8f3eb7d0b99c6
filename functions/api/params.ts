import { notFound, OrchestratorError } from '#core/error'
import { idOf, type Noun } from '#core/id'
import type { Caller } from './auth.ts'

/** What each part of a path names; of a `word` the route knows more. */
export type Params = Record<string, Noun | 'number' | 'word'>

/** The parts of a path; one that is no id of its noun names nothing that there is. @throws not_found */
export function readParams<P extends Params>(nouns: P, given: Record<string, string>) {
  for (const [name, noun] of Object.entries(nouns)) {
    const value = given[name] ?? ''
    if (!fits(noun, value)) throw notFound(noun === 'number' ? name : noun, value.slice(0, 100))
  }
  return (name: keyof P & string) => {
    const value = given[name]
    if (value === undefined) throw new OrchestratorError('internal', `The path has no ${name}.`)
    return value
  }
}

function fits(noun: Params[string], value: string) {
  if (noun === 'word') return true
  return noun === 'number' ? /^[1-9]\d{0,8}$/.test(value) : idOf(noun).safeParse(value).success
}

/** For the log: who called. */
export function callerIds({ actor }: Caller): Record<string, string> {
  const { tenant_id } = actor
  if (actor.kind === 'agent') return { tenant_id, agent_id: actor.agent_id }
  return actor.kind === 'operator' ? { tenant_id, key_id: actor.who.key_id } : {}
}

/** For the log: what the path names, e.g. `session_id`. */
export function pathIds<P extends Params>(nouns: P, param: (name: keyof P & string) => string) {
  const ids: Record<string, string> = {}
  for (const name in nouns) {
    if (nouns[name] === 'word') ids[`context_${name}`] = param(name).slice(0, 128)
    else if (nouns[name] !== 'number') ids[`${nouns[name]}_id`] = param(name)
  }
  return ids
}
