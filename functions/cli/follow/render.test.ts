import { describe, expect, test } from 'vitest'
import type { EventView } from '../api/records.ts'
import { createBoard } from './board.ts'
import { createRenderer } from './render.ts'
import { elapsed, short } from './status.ts'

let seq = 0
function event(type: string, data: Record<string, unknown>, task_id?: string): EventView {
  return { seq: ++seq, at: '2024-02-03T12:00:00.000Z', type, data, ...(task_id ? { task_id } : {}) }
}

/** The lines of some events, without time and task. */
function drawn(...events: EventView[]) {
  const board = createBoard()
  const render = createRenderer(board, false)
  return events.flatMap((one) => {
    board.note(one)
    return render(one).map((line) => line.slice(26))
  })
}

describe('a line of the log', () => {
  test('begins with the time and the key of its task', () => {
    const board = createBoard()
    const render = createRenderer(board, false)
    board.note(event('task.created', { key: 'changelog', state: 'READY' }, 'tsk_1'))
    const [line] = render(event('log', { stream: 'text', text: 'hello' }, 'tsk_1'))
    expect(line).toMatch(/^\d\d:\d\d:\d\d changelog {8}hello$/)
  })

  test('joins the parts of a long text where they were cut', () => {
    const part = (text: string, more: boolean, task: string) =>
      event('log', { stream: 'stdout', text, part: 0, more }, task)
    const lines = drawn(part('one\ntw', true, 'a'), part('other\n', false, 'b'), part('o\nthree', false, 'a'))
    expect(lines).toEqual(['│ one', '│ other', '│ two', '│ three'])
  })

  test('cannot hide an escape sequence in the cut between two parts', () => {
    const part = (text: string, more: boolean) => event('log', { stream: 'stdout', text, more })
    expect(drawn(part('a\x1b[', true), part('2Jb\n', false))).toEqual(['│ ab'])
  })

  test('names a tool once, and marks how it ended', () => {
    const tool = (text: string, status: string, more = false) =>
      event('log', { stream: 'tool', tool: 'bash', text, status, call: 'c', more })
    expect(
      drawn(tool('npm test\n', 'running'), tool('ok\nfi', 'completed', true), tool('ne', 'completed')),
    ).toEqual(['▸ bash npm test', '▸ bash ✓ ok', '  fine'])
  })

  test('says how tasks and sessions move, and why', () => {
    const data = {
      key: 'a',
      from: 'RUNNING',
      to: 'READY',
      attempt: 2,
      cause: 'its agent gave no sign of life',
    }
    expect(
      drawn(
        event('task.assigned', { key: 'a', to: 'ASSIGNED', attempt: 1, agent: 'worker-1' }, 'tsk_1'),
        event('task.lost', data, 'tsk_1'),
        event('session.failed', { code: 'task_failed', message: 'No.' }),
        event('usage.reported', {}),
        event('checkpoint.created', { number: 3, trigger: 'PERIODIC' }),
      ),
    ).toEqual([
      '◆ assigned to worker-1',
      '◆ lost attempt 2 · its agent gave no sign of life',
      '● session failed task_failed · No.',
      'checkpoint 3 PERIODIC',
    ])
  })
})

test('the board counts tasks by what the events say', () => {
  const board = createBoard()
  board.note(event('task.created', { key: 'a', state: 'READY' }, 'tsk_a'))
  board.note(event('task.created', { key: 'b', state: 'BLOCKED' }, 'tsk_b'))
  board.note(event('task.completed', { key: 'a', from: 'RUNNING', to: 'COMPLETED' }, 'tsk_a'))
  board.note(event('task.running', { key: 'b', from: 'ASSIGNED', to: 'RUNNING' }, 'tsk_b'))
  expect(board.counts()).toEqual({ done: 1, running: 1, total: 2 })
})

test('numbers and times are short', () => {
  expect([950, 1_200, 3_400_000].map(short)).toEqual(['950', '1.2k', '3.4M'])
  const started_at = '2024-02-03T12:00:00.000Z'
  const after = (seconds: number) => elapsed({ started_at }, Date.parse(started_at) + seconds * 1_000)
  expect([42, 187, 3_729].map(after)).toEqual(['42 s', '3:07', '1:02:09'])
})
