import { priorities } from '#core/priorities'
import { sessionStates } from '#core/session/states'
import type { SessionQuery } from '../../api/endpoints.ts'
import type { SessionSort } from '../../api/types.ts'
import { oneOf, type Search, someOf, textOf } from '../../parts/search.ts'

export const sorts = ['newest', 'oldest', 'priority'] as const satisfies readonly SessionSort[]

/** What the page shows, as its address holds it. Lists are joined by commas. */
export type SessionsSearch = {
  state?: string
  priority?: string
  label?: string
  q?: string
  sort?: SessionSort
  cursor?: string
  /** The form of a new session is open. */
  new?: boolean
}

export function readSessionsSearch(given: Search): SessionsSearch {
  const state = someOf(sessionStates, given.state)?.join(',')
  const priority = someOf(priorities, given.priority)?.join(',')
  const label = textOf(given.label, 100)
  const q = textOf(given.q)
  const sort = oneOf(sorts, given.sort)
  const cursor = textOf(given.cursor)
  return {
    ...(state && { state }),
    ...(priority && { priority }),
    ...(label && { label }),
    ...(q && { q }),
    ...(sort && sort !== 'newest' && { sort }),
    ...(cursor && { cursor }),
    ...(given.new === true && { new: true }),
  }
}

export const pageSize = 50

/** The request that an address stands for. */
export function queryOf({ state, priority, label, q, sort, cursor }: SessionsSearch) {
  const filter = { priority: someOf(priorities, priority), label, q }
  const page: SessionQuery = { ...filter, state: someOf(sessionStates, state), sort, cursor, limit: pageSize }
  return { filter, page }
}

/** With a state's chip pressed, or taken back; another filter begins at the first page. */
export function toggleState(search: SessionsSearch, state: string): SessionsSearch {
  const { cursor: _cursor, state: before = '', ...rest } = search
  const pressed = before.split(',').filter(Boolean)
  const next = pressed.includes(state) ? pressed.filter((one) => one !== state) : [...pressed, state]
  return readSessionsSearch({ ...rest, state: next.join(',') })
}

/** With some filters changed; empty ones are left out. */
export function refine(search: SessionsSearch, change: Partial<Record<keyof SessionsSearch, string>>) {
  const { cursor: _cursor, ...rest } = search
  return readSessionsSearch({ ...rest, ...change })
}

export function isFiltered({ state, priority, label, q }: SessionsSearch) {
  return [state, priority, label, q].some((one) => one !== undefined)
}
