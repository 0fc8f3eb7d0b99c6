import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSame, type Json, type JsonObject, JsonValue } from './json.ts'
import { maxConflicts, merge } from './merge.ts'
import { applyPatch } from './merge-patch.ts'

/** Any JSON that a text can say, a member named __proto__ among it; -0 is 0 in JSON. */
const anyJson = fc.jsonValue().map((value): Json => JSON.parse(JSON.stringify(value)))
const side = fc.constantFrom('theirs' as const, 'yours' as const)
const checked = (property: Parameters<typeof fc.assert>[0]) => fc.assert(property, { numRuns: 300 })

test('a side that did not change gives way, whatever the other did', () => {
  checked(
    fc.property(anyJson, anyJson, side, (base, changed, preferred) => {
      expect(merge(base, changed, base, preferred)).toEqual({ value: changed, conflicts: [] })
      expect(merge(base, base, changed, preferred)).toEqual({ value: changed, conflicts: [] })
      expect(merge(base, changed, changed, preferred)).toEqual({ value: changed, conflicts: [] })
    }),
  )
})

test('any JSON merges without an exception into one side, both or a conflict that holds both values', () => {
  checked(
    fc.property(anyJson, anyJson, anyJson, side, (base, theirs, yours, preferred) => {
      const { conflicts } = merge(base, theirs, yours, preferred)
      for (const { pointer, theirs: a, yours: b } of conflicts) {
        if (pointer === '') expect([a, b]).toEqual([theirs, yours])
        expect(isSame(a, b)).toBe(false)
      }
    }),
  )
})

const members = fc.dictionary(fc.string({ maxLength: 5 }), anyJson, { maxKeys: 6 })
const prefixed = (prefix: string, added: JsonObject) =>
  Object.fromEntries(Object.entries(added).map(([name, value]) => [`${prefix}${name}`, value]))

test('members that each side added are all there, with what was there before', () => {
  checked(
    fc.property(members, members, members, side, (base, a, b, preferred) => {
      const old = prefixed('old ', base)
      const [added, more] = [prefixed('theirs ', a), prefixed('yours ', b)]
      const merged = merge(old, { ...old, ...added }, { ...old, ...more }, preferred)
      expect(merged).toEqual({ value: { ...old, ...added, ...more }, conflicts: [] })
    }),
  )
})

test('list items that each side added are all there, once each, behind what was there before', () => {
  const items = fc.array(fc.nat(), { maxLength: 6 })
  checked(
    fc.property(items, items, items, side, (base, a, b, preferred) => {
      const [old, added, more] = [
        base.map((n) => `old ${n}`),
        [...new Set(a.map((n) => `theirs ${n}`))],
        [...new Set(b.map((n) => `yours ${n}`))],
      ]
      const merged = merge(old, [...old, ...added], [...more, ...old], preferred)
      expect(merged.conflicts).toEqual([])
      expect(new Set(Array.isArray(merged.value) ? merged.value : [])).toEqual(
        new Set([...old, ...added, ...more]),
      )
      const kept = Array.isArray(merged.value)
        ? merged.value.filter((item) => old.includes(String(item)))
        : []
      expect(kept).toEqual(old)
    }),
  )
})

test('lists: an addition of both is one, a removal of either stays removed, and a new order is kept', () => {
  const lists = (base: Json | undefined, theirs: Json, yours: Json) => merge(base, theirs, yours, 'yours')
  expect(lists(['a'], ['a', 'b'], ['a', 'b', 'c'])).toEqual({ value: ['a', 'b', 'c'], conflicts: [] })
  expect(lists(['a', 'b', 'c'], ['b', 'c'], ['a', 'b', 'd'])).toEqual({ value: ['b', 'd'], conflicts: [] })
  expect(lists(['a', 'b'], ['b', 'a'], ['a', 'b', 'c']).value).toEqual(['b', 'a', 'c'])
  expect(lists([{ n: 1, m: 2 }], [{ m: 2, n: 1 }, 3], [{ n: 1, m: 2 }, 4]).value).toEqual([
    { m: 2, n: 1 },
    3,
    4,
  ])
  const reordered = lists(['a', 'b', 'c'], ['b', 'a', 'c'], ['c', 'b', 'a'])
  expect(reordered.conflicts).toMatchObject([
    { pointer: '', theirs: ['b', 'a', 'c'], yours: ['c', 'b', 'a'] },
  ])
  expect(lists(undefined, ['a'], ['b']).value).toEqual(['a', 'b'])
})

test('a leaf that both changed is a conflict with all values, where the preferred side stands', () => {
  const base = { a: { 'x/y': 1 }, b: 1, c: 1 }
  const [theirs, yours] = [
    { a: { 'x/y': 2 }, b: 1 },
    { a: { 'x/y': 3 }, b: 5, c: 2 },
  ]
  const conflicts = [
    { pointer: '/a/x~1y', base: 1, theirs: 2, yours: 3 },
    { pointer: '/c', base: 1, yours: 2 },
  ]
  expect(merge(base, theirs, yours, 'theirs')).toEqual({ value: { a: { 'x/y': 2 }, b: 5 }, conflicts })
  expect(merge(base, theirs, yours, 'yours')).toEqual({ value: { a: { 'x/y': 3 }, b: 5, c: 2 }, conflicts })
})

test('too many conflicts are told as one, of the whole values', () => {
  const many = (n: number) =>
    Object.fromEntries(Array.from({ length: maxConflicts + 1 }, (_, i) => [`m${i}`, n]))
  expect(merge(many(0), many(1), many(2), 'yours')).toEqual({
    value: many(2),
    conflicts: [{ pointer: '', base: many(0), theirs: many(1), yours: many(2) }],
  })
})

test('a merge patch does what RFC 7396 shows', () => {
  const cases: [Json, Json, Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [target, patch, result] of cases) expect(applyPatch(target, patch)).toEqual(result)
})

test('what could not be given back as it came is refused', () => {
  const deep = Array.from({ length: 70 }).reduce<Json>((value) => [value], 1)
  for (const value of [JSON.parse('{"__proto__":1}'), JSON.parse('[1e999]'), deep, undefined])
    expect(JsonValue.safeParse(value).success).toBe(false)
  checked(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const parsed = JsonValue.safeParse(value)
      if (parsed.success) expect(parsed.data).toEqual(value)
    }),
  )
})
