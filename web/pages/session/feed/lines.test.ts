import { expect, it } from 'vitest'
import type { SessionEvent } from '../../../api/types.ts'
import { LineMaker } from './lines.ts'
import { Ring } from './ring.ts'

let seq = 0
const at = '2026-01-01T00:00:00.000Z'
const log = (data: Record<string, unknown>, task_id = 'tsk_1'): SessionEvent => ({
  seq: ++seq,
  session_id: 'ses_1',
  at,
  type: 'log',
  task_id,
  data: { stream: 'stdout', ...data },
})

function linesOf(...events: SessionEvent[]) {
  const ring = new Ring(100)
  const maker = new LineMaker(ring)
  for (const event of events) maker.take(event)
  return Array.from({ length: ring.length }, (_, i) => ring.at(i))
}
const textsOf = (...events: SessionEvent[]) => linesOf(...events).map((line) => line?.text)

it('one line for each line of a text, without one for its last line end', () => {
  expect(textsOf(log({ text: 'a\n\nb\n' }), log({ text: 'c' }))).toEqual(['a', '', 'b', 'c'])
})

it('a line that comes in parts grows in its place while other tasks go on', () => {
  const parts = [
    log({ text: 'one', call: 'c', part: 0, more: true }),
    log({ text: 'other\n' }, 'tsk_2'),
    log({ text: ' two\nthree', call: 'c', part: 1, more: true }),
    log({ text: ' four\n', call: 'c', part: 2 }),
  ]
  expect(textsOf(...parts)).toEqual(['one two', 'other', 'three four'])
})

it('a part that ends with a line end is followed by a line of its own', () => {
  const parts = [log({ text: 'one\n', call: 'c', more: true }), log({ text: 'two\n', call: 'c', part: 1 })]
  expect(textsOf(...parts)).toEqual(['one', 'two'])
})

it('names each line of an event by its number in it', () => {
  const [a, b] = linesOf(log({ text: 'a\nb' }))
  expect([a?.nth, b?.nth, a?.seq === b?.seq]).toEqual([0, 1, true])
})

it('says how long a tool took, and marks what went wrong', () => {
  const begun = log({ stream: 'tool', tool: 'bash', status: 'running', call: 'x', text: 'ls' })
  const later = { ...log({ stream: 'tool', tool: 'bash', status: 'error', call: 'x', text: 'no' }) }
  const lines = linesOf(begun, { ...later, at: '2026-01-01T00:00:01.500Z' })
  expect(lines.map((line) => [line?.took, line?.isError])).toEqual([
    [null, false],
    [1_500, true],
  ])
})

it('tells changes in words and passes over usage', () => {
  const event = (type: SessionEvent['type'], data: object): SessionEvent => ({
    seq: ++seq,
    session_id: 'ses_1',
    at,
    type,
    data: { ...data },
  })
  const lines = linesOf(
    event('usage.reported', { input_tokens: 1 }),
    event('task.failed', { attempt: 2, code: 'check_failed', message: 'exit 1' }),
  )
  expect(lines.map((line) => [line?.text, line?.isError])).toEqual([
    ['task failed · attempt 2 · check_failed · exit 1', true],
  ])
})
