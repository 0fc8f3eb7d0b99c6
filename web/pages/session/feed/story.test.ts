import { expect, it } from 'vitest'
import type { SessionEvent } from '../../../api/types.ts'
import { Story } from './story.ts'

let seq = 0
const event = (type: SessionEvent['type'], second: number, data: object = {}, task = true): SessionEvent => ({
  seq: ++seq,
  session_id: 'ses_1',
  at: new Date(second * 1_000).toISOString(),
  type,
  ...(task && { task_id: 'tsk_1', agent_id: 'agt_1' }),
  data: { ...data },
})
function tell(...events: SessionEvent[]) {
  const story = new Story()
  for (const one of events) story.take(one)
  return story
}
const brief = (story: Story) =>
  (story.spans.get('tsk_1') ?? []).map(({ kind, from, to, attempt }) => [
    kind,
    from / 1_000,
    to === null ? null : to / 1_000,
    attempt,
  ])

it('a retried task is a wait, a failed attempt, a wait, and what runs now', () => {
  const story = tell(
    event('task.created', 0, { key: 'a', state: 'BLOCKED' }),
    event('task.ready', 5, { to: 'READY' }),
    event('task.assigned', 6, { to: 'ASSIGNED', attempt: 1 }),
    event('task.running', 7, { to: 'RUNNING', attempt: 1 }),
    event('task.failed', 20, { to: 'READY', attempt: 1, message: 'exit 1' }),
    event('task.assigned', 24, { to: 'ASSIGNED', attempt: 2 }),
    event('task.running', 25, { to: 'RUNNING', attempt: 2 }),
  )
  expect(brief(story)).toEqual([
    ['waited', 5, 7, 0],
    ['failed', 7, 20, 1],
    ['waited', 20, 25, 1],
    ['ran', 25, null, 2],
  ])
  expect(story.spans.get('tsk_1')?.[1]?.note).toBe('attempt 1: exit 1')
})

it('what a person is asked stands apart from work, and an attempt that ends while it asks has failed', () => {
  const story = tell(
    event('task.running', 1, { to: 'RUNNING', attempt: 1 }),
    event('task.awaiting_input', 3, { to: 'AWAITING_INPUT', attempt: 1 }),
    event('task.running', 9, { to: 'RUNNING', attempt: 1 }),
    event('task.completed', 12, { to: 'COMPLETED', attempt: 1 }),
  )
  expect(brief(story)).toEqual([
    ['ran', 1, 3, 1],
    ['asked', 3, 9, 1],
    ['ran', 9, 12, 1],
  ])
})

it('a lost attempt says why', () => {
  const story = tell(
    event('task.running', 1, { to: 'RUNNING', attempt: 1 }),
    event('task.lost', 4, { to: 'READY', attempt: 1, cause: 'its agent went silent' }),
  )
  expect(story.spans.get('tsk_1')?.[0]).toMatchObject({
    kind: 'lost',
    to: 4_000,
    note: 'attempt 1: its agent went silent',
  })
})

it('a fork begins its own course, and still knows what its ancestors called their tasks', () => {
  const story = tell(
    event('session.created', 0, {}, false),
    event('task.created', 1, { key: 'old', state: 'READY' }),
    event('usage.reported', 2, { input_tokens: 10 }),
    event('session.forked', 9, { to: 'PENDING' }, false),
    event('session.queued', 10, { to: 'QUEUED' }, false),
  )
  expect(story.states.map(({ state }) => state)).toEqual(['PENDING', 'QUEUED'])
  expect([story.spans.size, story.tokens.size]).toEqual([0, 0])
  expect(story.keys.get('tsk_1')).toBe('old')
})
