import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Event } from '#core/event/event'
import { beginAfter, hasNext, isBehind, receive, type Sequence, skipTo, take, told } from './sequence.ts'
import { decodeFrame } from './wire.ts'

const event = (seq: number): Event => ({
  seq,
  session_id: 'ses_1',
  at: '2024-02-03T12:00:00.000Z',
  type: 'log',
  data: { stream: 'text', text: `line ${seq}` },
})
const events = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => event(from + i))
const run = (from: number, to: number) => ({ from, to, events: events(from, to) })
const seqs = (list: Event[]) => list.map(({ seq }) => seq)
const upTo = (from: number, to: number) => seqs(events(from, to))

/** Whole coverage of (after, to] in runs of given lengths, as a replay sends it. */
function replay(after: number, to: number, lengths: number[]) {
  const runs: ReturnType<typeof run>[] = []
  for (let from = after + 1, i = 0; from <= to; i += 1) {
    const end = Math.min(to, from + (lengths[i % lengths.length] ?? 1) - 1)
    runs.push(run(from, end))
    from = end + 1
  }
  return runs
}

const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })

/** What the wire does to a replay: loses, repeats and reorders. Each number is spent on one frame. */
const wire = fc.array(
  fc.record({
    lost: fc.boolean(),
    copies: fc.integer({ min: 1, max: 3 }),
    place: fc.nat(1_000),
    lengths,
    early: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
)

type Fault = { lost: boolean; copies: number; place: number }

function mangled(runs: ReturnType<typeof run>[], faults: Fault[]) {
  const fault = (i: number) => faults[i % faults.length]
  return runs
    .flatMap((one, i) => (fault(i)?.lost ? [] : Array.from({ length: fault(i)?.copies ?? 1 }, () => one)))
    .map((one, i) => ({ one, place: (fault(i)?.place ?? 0) + i / 100 }))
    .sort((a, b) => a.place - b.place)
    .map(({ one }) => one)
}

/** Takes what there is, at the moments that `early` says: a slow listener takes late. */
function drained(sequence: Sequence, shown: Event[]) {
  const taken = take(sequence)
  shown.push(...taken.events)
  return taken.sequence
}

test('whatever the wire loses, repeats and reorders, asking again hands each seq on once, in order', () => {
  fc.assert(
    fc.property(
      fc.record({
        after: fc.nat(50),
        count: fc.nat(120),
        most: fc.integer({ min: 1, max: 8 }),
        rounds: wire,
      }),
      ({ after, count, most, rounds }) => {
        const head = after + count
        const shown: Event[] = []
        let sequence = beginAfter(after)
        for (const { lengths: cut, early } of rounds) {
          for (const one of mangled(replay(sequence.last, head, cut), rounds)) {
            sequence = receive(sequence, one, most)
            expect(sequence.held.length).toBeLessThanOrEqual(most)
            if (early) sequence = drained(sequence, shown)
          }
          sequence = drained(sequence, shown)
          expect(seqs(shown)).toEqual(upTo(after + 1, sequence.last))
        }
        // A last asking that nothing goes wrong with; it is only needed when something is known to be missing.
        sequence = told(sequence, head)
        expect(isBehind(sequence)).toBe(sequence.last < head)
        for (const one of replay(sequence.last, head, [5])) {
          sequence = drained(receive(sequence, one, most), shown)
        }
        expect(seqs(shown)).toEqual(upTo(after + 1, head))
        expect(isBehind(sequence)).toBe(false)
        expect(sequence.held).toEqual([])
      },
    ),
    { numRuns: 500 },
  )
})

test('any order of overlapping runs that cover a log hands it on whole', () => {
  const overlapping = fc.array(fc.record({ from: fc.integer({ min: 1, max: 40 }), length: fc.nat(15) }), {
    maxLength: 30,
  })
  fc.assert(
    fc.property(overlapping, fc.nat(), (given, turn) => {
      const cover = replay(0, 55, [1 + (turn % 11)])
      const all = [...given.map(({ from, length }) => run(from, from + length)), ...cover]
      const at = turn % all.length
      const shown: Event[] = []
      let sequence = beginAfter(0)
      for (const one of [...all.slice(at), ...all.slice(0, at)].reverse()) {
        sequence = drained(receive(sequence, one, 100), shown)
      }
      expect(seqs(shown)).toEqual(upTo(1, 55))
    }),
  )
})

test('a gap holds back what is behind it, and says that something is missing', () => {
  const held = receive(beginAfter(3), run(6, 8), 4)
  expect(take(held).events).toEqual([])
  expect([hasNext(held), isBehind(held)]).toEqual([false, true])
  const { sequence, events: shown } = take(receive(held, run(2, 5), 4))
  expect(seqs(shown)).toEqual([4, 5, 6, 7, 8])
  expect(isBehind(sequence)).toBe(false)
})

test('a repeat takes no room', () => {
  expect(receive(beginAfter(9), run(5, 9), 4).held).toEqual([])
  const once = receive(beginAfter(0), run(3, 9), 4)
  expect(receive(receive(once, run(3, 9), 4), run(4, 5), 4).held).toHaveLength(1)
})

test('of more runs than may wait the farthest is let go, and still known to be missing', () => {
  const full = [run(20, 29), run(10, 19), run(1, 9)].reduce((all, one) => receive(all, one, 2), beginAfter(0))
  expect(full.held.map(({ from }) => from)).toEqual([1, 10])
  const { sequence } = take(full)
  expect([sequence.last, isBehind(sequence)]).toEqual([19, true])
})

test('a lost last frame is known once the other side says how far the log goes', () => {
  expect(isBehind(told(beginAfter(5), 6))).toBe(true)
  expect(isBehind(told(beginAfter(5), 4))).toBe(false)
})

test('what was read by other means is not handed on again', () => {
  const sequence = skipTo(receive(beginAfter(0), run(1, 9), 4), 5)
  expect(seqs(take(sequence).events)).toEqual([6, 7, 8, 9])
  expect(skipTo(sequence, 2)).toBe(sequence)
})

test.each([
  ['no JSON', 'nonsense'],
  ['no frame of ours', '{"message":"Internal server error","connectionId":"a","requestId":"b"}'],
  ['fewer events than it says', JSON.stringify({ type: 'events', channel: 'c', ...run(1, 3), to: 4 })],
  ['a hole', JSON.stringify({ type: 'events', channel: 'c', from: 1, to: 2, events: [event(1), event(3)] })],
  ['no array', '{"type":"inbox","items":{}}'],
])('a frame with %s is none', (_what, text) => {
  expect(decodeFrame(text)).toBeUndefined()
})
