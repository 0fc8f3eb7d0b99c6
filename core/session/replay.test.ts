import { expect, it } from 'vitest'
import { note } from '#core/change/draft'
import type { NewEvent } from '#core/event/event'
import { aDraft, aSession, at, deepFreeze } from '../../test/known.ts'
import { replay } from './replay.ts'

const event = (type: NewEvent['type'], data: object, more: Partial<NewEvent> = {}): NewEvent => ({
  at: at(0),
  type,
  data: { ...data },
  ...more,
})
const created = event('session.created', { title: 'x', priority: 'LOW', labels: [], budget: {} })
const task = {
  key: 'a',
  title: 'A',
  capability: 'X',
  depends_on: [],
  state: 'READY',
  parent_id: null,
  kind: 'WORK',
}

it('a history that does not begin with a session rebuilds none', () => {
  expect(replay([])).toBeNull()
  expect(replay([event('session.queued', { from: 'PENDING', to: 'QUEUED' })])).toBeNull()
})

it('what no event says, and what belongs to no known task, changes nothing', () => {
  const draft = aDraft(aSession())
  note(draft, 'message.sent', { text: 'hello' })
  const strange = [
    event('task.lost', { to: 'READY' }, { task_id: 'tsk_unknown' }),
    event('log', { text: 'x' }),
  ]
  expect(replay([created, ...draft.events, ...strange])).toEqual(replay([created]))
})

it('a replay writes nothing into the events, and a fork starts afresh behind its parent', () => {
  const mine = event('task.created', { ...task, state: 'COMPLETED', commit: 'c' }, { task_id: 'tsk_2' })
  const events = deepFreeze([
    created,
    event('task.created', task, { task_id: 'tsk_1' }),
    event('usage.reported', { input_tokens: 5 }, { task_id: 'tsk_1' }),
    event('session.failed', { to: 'FAILED', code: 'task_failed', message: 'No.', task_id: 'tsk_1' }),
    event('session.forked', { title: 'y', priority: 'LOW', labels: [], budget: {}, to: 'PENDING' }),
    mine,
  ])
  expect(replay(events.slice(0, 4))).toMatchObject({ state: 'FAILED', usage: { input_tokens: 5 } })
  const forked = replay(events)
  expect(forked).toMatchObject({ title: 'y', state: 'PENDING', failure: null, usage: { input_tokens: 0 } })
  expect([...(forked?.tasks.values() ?? [])]).toMatchObject([
    { id: 'tsk_2', state: 'COMPLETED', commit: 'c' },
  ])
})
