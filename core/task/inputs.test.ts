import { describe, expect, it } from 'vitest'
import { inputsOf, type Piece } from './inputs.ts'

const piece = (
  key: string,
  set: { under?: string; after?: string[]; done?: boolean; commit?: null } = {},
): Piece => {
  const { under, after = [], done = true } = set
  const commit = set.commit === null ? null : `commit of ${key}`
  return [`id ${key}`, key, under ? `id ${under}` : null, after, done, commit, null]
}
const keysOf = (pieces: Piece[], ask: Partial<Parameters<typeof inputsOf>[1]>) =>
  inputsOf(pieces, { parent_id: null, depends_on: [], every_leaf: false, ...ask }).map(({ key }) => key)

describe('a task begins from', () => {
  const pair = [piece('a'), piece('b', { after: ['a'] }), piece('c')]

  it('nothing when it depends on nothing', () => {
    expect(keysOf(pair, {})).toEqual([])
  })

  it('what it depends on, without what that was built on', () => {
    expect(keysOf(pair, { depends_on: ['a', 'b', 'c'] })).toEqual(['b', 'c'])
  })

  it('every leaf when it integrates', () => {
    expect(keysOf(pair, { every_leaf: true })).toEqual(['b', 'c'])
  })

  it('what is done and has a commit alone', () => {
    const pieces = [piece('a', { done: false }), piece('b', { commit: null }), piece('c')]
    expect(keysOf(pieces, { depends_on: ['a', 'b', 'c'] })).toEqual(['c'])
  })

  const tree = [
    piece('a', { done: false }),
    piece('a1', { under: 'a' }),
    piece('a2', { under: 'a', after: ['a1'] }),
  ]

  it('its parent’s own run, which is not done yet', () => {
    expect(keysOf(tree, { parent_id: 'id a' })).toEqual(['a'])
  })

  it('a subtask that came before it, which its parent is in', () => {
    expect(keysOf(tree, { parent_id: 'id a', depends_on: ['a1'] })).toEqual(['a1'])
  })

  it('all below what it depends on, joined', () => {
    const done = [piece('a'), ...tree.slice(1), piece('a3', { under: 'a' })]
    expect(keysOf(done, { depends_on: ['a'] })).toEqual(['a2', 'a3'])
  })

  it('what depends on a tree, in place of all of that tree', () => {
    const done = [piece('a'), ...tree.slice(1), piece('b', { after: ['a'] })]
    expect(keysOf(done, { every_leaf: true })).toEqual(['b'])
  })
})
