import { expect, test } from 'vitest'
import { newId } from '#core/id'
import type { NewSubtasks, SubtasksAnswer } from '#core/task/wire'
import { ApiError } from '../client.ts'
import { subtaskAdd } from './subtask_add.ts'

const task = { key: 'part', title: 'A part', instruction: 'Do it.', capability: 'TESTING' }

function toolWith(addSubtasks: (id: string, body: NewSubtasks) => Promise<SubtasksAnswer['items']>) {
  const signal = new AbortController().signal
  return subtaskAdd({ client: { addSubtasks }, task_id: 'tsk_1', attempt: 3, signal })
}

test('subtasks go to the task that the model works on, quote its attempt, and come back with their state', async () => {
  const sent: unknown[] = []
  const { call } = toolWith(async (id, body) => {
    sent.push([id, body])
    return [{ id: newId('task'), key: 'part', state: 'BLOCKED' }]
  })
  const answer = await call({ tasks: [task] })
  expect(JSON.parse(answer.text)).toMatchObject([{ key: 'part', state: 'BLOCKED' }])
  expect(sent).toEqual([['tsk_1', { attempt: 3, tasks: [{ ...task, depends_on: [], checks: [] }] }]])
})

test('what is wrong with the arguments is told to the model, and nothing is sent', async () => {
  const { call } = toolWith(async () => expect.unreachable('nothing is sent'))
  for (const [args, fault] of [
    [{}, /tasks/],
    [{ tasks: [] }, /at tasks/],
    [{ tasks: [{ ...task, capability: 'testing' }] }, /upper-case word.*tasks\[0\]\.capability/s],
    [{ tasks: [{ ...task, key: 'A B' }] }, /tasks\[0\]\.key/],
    [{ tasks: [task], attempt: 9 }, /attempt/],
  ] as const)
    expect(await call(args)).toMatchObject({ error: true, text: expect.stringMatching(fault) })
})

test('a refusal names its fields to the model, and an outage is no refusal', async () => {
  const errors = [{ pointer: '/tasks/0/key', message: '"part" is taken in this session; choose another key' }]
  const problem = { code: 'subtask_invalid', detail: 'The subtasks cannot be added as they are.', errors }
  const refused = await toolWith(async () => {
    throw new ApiError(422, problem)
  }).call({ tasks: [task] })
  expect(refused.error).toBe(true)
  expect(refused.text).toContain('subtask_invalid: The subtasks cannot be added as they are.')
  expect(refused.text).toContain('/tasks/0/key')
  const away = await toolWith(async () => {
    throw new TypeError('fetch failed')
  }).call({ tasks: [task] })
  expect(away).toMatchObject({ error: true, text: expect.stringMatching(/cannot be reached/) })
})
