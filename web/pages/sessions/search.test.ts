import { describe, expect, test } from 'vitest'
import { queryOf, readSessionsSearch, refine, toggleState } from './search.ts'

describe('the address of the sessions', () => {
  test('keeps what it understands and leaves the rest out', () => {
    expect(
      readSessionsSearch({
        state: 'FAILED,GONE,RUNNING',
        priority: 'URGENT',
        q: 42,
        sort: 'newest',
        new: 'yes',
        x: 1,
      }),
    ).toEqual({ state: 'RUNNING,FAILED', q: '42' })
    expect(readSessionsSearch({ state: ['RUNNING'], label: {}, cursor: '' })).toEqual({})
  })

  test('becomes one request for the list and one for its counts, which a chip does not narrow', () => {
    const { filter, page } = queryOf({ state: 'RUNNING', priority: 'HIGH', q: 'billing', cursor: 'c' })
    expect(filter).toEqual({ priority: ['HIGH'], label: undefined, q: 'billing' })
    expect(page).toMatchObject({ ...filter, state: ['RUNNING'], cursor: 'c' })
  })

  test('of another filter begins at the first page', () => {
    const search = { state: 'RUNNING', q: 'a', cursor: 'c' }
    expect(toggleState(search, 'FAILED')).toEqual({ state: 'RUNNING,FAILED', q: 'a' })
    expect(toggleState(search, 'RUNNING')).toEqual({ q: 'a' })
    expect(refine(search, { q: '' })).toEqual({ state: 'RUNNING' })
  })
})
