import { expect, it } from 'vitest'
import type { Line } from '../feed/line.ts'
import { Ring } from '../feed/ring.ts'
import { type Follow, follow, missed } from './follow.ts'
import { holds, keeps, View } from './view.ts'
import { endOf, middleOf, rulerMarks, windowOf } from './window.ts'

const line = (seq: number, more: Partial<Line> = {}): Line => ({
  ...{ seq, nth: 0, at: 0, task_id: null, stream: 'text', tool: null, status: null, took: null },
  ...{ text: '', isError: false },
  ...more,
})
const everything = { task: null, streams: new Set<Line['stream']>(), errors: false }
const box = { height: 1_000, shown: 200, total: 50 }
const start: Follow = { following: true, seen: 0, top: 800, height: 1_000 }

it('one scroll upwards pauses, and what comes after is counted', () => {
  const paused = follow(start, { type: 'scrolled', top: 760, ...box })
  expect(paused.following).toBe(false)
  expect(missed(paused, 57)).toBe(7)
})

it('a page that opens at a line has missed nothing yet', () => {
  const opened: Follow = { ...start, following: false, seen: null }
  expect(missed(opened, 500)).toBe(0)
  expect(missed(follow(opened, { type: 'pause', total: 500 }), 503)).toBe(3)
})

it('coming back to the end follows again', () => {
  const paused = follow(start, { type: 'scrolled', top: 760, ...box })
  expect(follow(paused, { type: 'scrolled', top: 770, ...box }).following).toBe(false)
  expect(follow(paused, { type: 'scrolled', top: 799.5, ...box }).following).toBe(true)
})

it('what the page itself scrolls, or a box that shrinks, pauses nothing', () => {
  expect(follow(start, { type: 'placed', top: 10, height: 1_000 }).following).toBe(true)
  expect(follow(start, { type: 'scrolled', top: 300, ...box, height: 500 }).following).toBe(true)
})

it('a pause at the end stays one while lines come', () => {
  const paused = follow(start, { type: 'pause', total: 50 })
  expect(follow(paused, { type: 'scrolled', top: 800, ...box }).following).toBe(false)
  expect(missed(follow(paused, { type: 'pause', total: 90 }), 90)).toBe(40)
})

it('draws the rows that are seen and some beyond, never more than there are', () => {
  expect(windowOf({ top: 2_000, height: 400 }, 100_000)).toEqual({ from: 88, to: 132 })
  expect(windowOf({ top: 0, height: 400 }, 5)).toEqual({ from: 0, to: 5 })
  expect(windowOf({ top: 9_999, height: 400 }, 5)).toEqual({ from: 5, to: 5 })
})

it('puts a row into the middle, as far as the ends allow', () => {
  expect(middleOf(500, 400, 1_000)).toBe(9_810)
  expect(middleOf(1, 400, 1_000)).toBe(0)
  expect(middleOf(999, 400, 1_000)).toBe(endOf(400, 1_000))
})

it('marks of neighbouring errors are one', () => {
  expect(rulerMarks([0, 1, 500, 999], 1_000, 100)).toEqual([0, 0.5, 0.99])
})

it('a filtered view keeps up with lines that come, grow and go', () => {
  const ring = new Ring(4)
  const view = new View(ring, (one) => holds('gold', one))
  ring.push(line(1, { text: 'GOLD' }))
  expect(view.sync().length).toBe(1)
  const growing = ring.push(line(2, { text: 'go' }))
  ring.push(line(3, { text: 'a \u001b[31mgo\u001b[0mld' }))
  expect(view.sync().length).toBe(2)
  ring.replace(growing, line(2, { text: 'gold' }))
  view.sync()
  expect([0, 1, 2].map((row) => view.at(row)?.seq)).toEqual([1, 2, 3])
  ring.push(line(4))
  ring.push(line(5))
  view.sync()
  expect([view.length, view.total, view.at(0)?.seq, view.rowOf(2)]).toEqual([2, 3, 2, 1])
})

it('filters by task, stream and errors', () => {
  const one = line(1, { task_id: 'tsk_1', stream: 'stderr', isError: true })
  expect(keeps(everything, one)).toBe(true)
  expect(keeps({ ...everything, task: 'tsk_2' }, one)).toBe(false)
  expect(keeps({ ...everything, streams: new Set(['stdout', 'stderr']) }, one)).toBe(true)
  expect(keeps({ ...everything, streams: new Set(['stdout']) }, one)).toBe(false)
  expect(keeps({ ...everything, errors: true }, line(2))).toBe(false)
})
