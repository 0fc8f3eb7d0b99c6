import { expect, it } from 'vitest'
import type { Line } from './line.ts'
import { placeOf, readPlace } from './line.ts'
import { Ring } from './ring.ts'

const line = (seq: number, text = '', nth = 0): Line => ({
  seq,
  nth,
  at: 0,
  task_id: null,
  stream: 'text',
  tool: null,
  status: null,
  took: null,
  text,
  isError: false,
})

it('keeps the newest lines under the numbers that they came with', () => {
  const ring = new Ring(3)
  for (let seq = 1; seq <= 5; seq += 1) ring.push(line(seq))
  expect([ring.first, ring.next, ring.length]).toEqual([2, 5, 3])
  expect([1, 2, 3, 4, 5].map((index) => ring.at(index)?.seq)).toEqual([undefined, 3, 4, 5, undefined])
})

it('finds a line by its place, also one that has grown over several lines', () => {
  const ring = new Ring(10)
  for (const one of [line(1), line(4), line(4, '', 1), line(9)]) ring.push(one)
  expect(ring.find({ seq: 4, nth: 1 })).toBe(2)
  expect(ring.find({ seq: 5, nth: 0 })).toBe(3)
  expect(ring.find({ seq: 10, nth: 0 })).toBe(4)
})

it('replaces only what is still there', () => {
  const ring = new Ring(2)
  const first = ring.push(line(1, 'a'))
  expect(ring.replace(first, line(1, 'ab'))).toBe(true)
  ring.push(line(2))
  ring.push(line(3))
  expect(ring.replace(first, line(1, 'abc'))).toBe(false)
  expect(ring.at(1)?.seq).toBe(2)
})

it('a place in an address reads as it was written', () => {
  for (const place of [
    { seq: 17912, nth: 0 },
    { seq: 17912, nth: 10 },
  ])
    expect(readPlace(placeOf(place))).toEqual(place)
  for (const wrong of ['', '0', 'x', '1.5', '-3', '4-', undefined]) expect(readPlace(wrong)).toBeUndefined()
})
