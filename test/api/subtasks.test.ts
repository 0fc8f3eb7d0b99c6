import { describe, expect, test } from 'vitest'
import { Assignment, SubtasksAnswer } from '#core/task/wire'
import { goal, openApi, Problem, type Sent } from './open.ts'
import { Inbox, Registered, Session, TaskTree } from './shapes.ts'

const { call, plant } = await openApi()

async function register(name: string, capabilities: string[]) {
  const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
  const body = { name, engine, capabilities, capacity: 4 }
  const { agent, token } = Registered.parse((await call('POST', '/api/v1/agents', { body })).json)
  const as = (method: string, path: string, sent: Sent = {}) => call(method, path, { ...sent, token })
  return { id: agent.id, as }
}

const task = (key: string, more: object = {}) => ({
  key,
  title: `Do ${key}`,
  instruction: 'Do it.',
  capability: 'SUBTASKING',
  ...more,
})

/** A session with one task, claimed by its agent. */
async function claimed(name: string) {
  const worker = await register(name, ['SUBTASKING', 'INTEGRATION'])
  const body = { ...goal, plan: { tasks: [task('top')] }, start: true }
  const { id } = Session.parse((await call('POST', '/api/v1/sessions', { body })).json)
  await plant.settle()
  const { items } = Inbox.parse((await worker.as('GET', `/api/v1/agents/${worker.id}/inbox?wait=5`)).json)
  const path = `/api/v1/tasks/${items.at(-1)?.task_id}`
  Assignment.parse((await worker.as('POST', `${path}/claim`, { body: { attempt: 1 } })).json)
  const tree = async () => TaskTree.parse((await call('GET', `/api/v1/sessions/${id}/tasks`)).json)
  const drain = () => call('DELETE', `/api/v1/agents/${worker.id}`)
  return { id, worker, path, tree, drain }
}

describe('a worker', () => {
  test('adds subtasks, once however often it says so, and the tree has them with their progress', async () => {
    const { worker, path, tree, drain } = await claimed('divider')
    const body = { attempt: 1, tasks: [task('x'), task('y', { depends_on: ['x'] })] }
    const first = await worker.as('POST', `${path}/subtasks`, { body })
    expect(first.status).toBe(201)
    const { items } = SubtasksAnswer.parse(first.json)
    expect(items).toMatchObject([
      { key: 'x', state: 'BLOCKED' },
      { key: 'y', state: 'BLOCKED' },
    ])
    const again = await worker.as('POST', `${path}/subtasks`, { body })
    expect(again.json).toEqual(first.json)
    const answer = await tree()
    expect(answer.items.map(({ key, progress }) => [key, progress.done, progress.total])).toEqual([
      ['top', 0, 2],
      ['x', 0, 0],
      ['y', 0, 0],
    ])
    expect(answer).toMatchObject({ progress: { done: 0, total: 3 }, usage: { input_tokens: 0 } })
    expect(answer.items[1]?.parent_id).toBe(answer.items[0]?.id)
    const end = { attempt: 1, batch: 0, summary: 'Divided.', commit: 'a'.repeat(40), ...nothing }
    expect((await worker.as('POST', `${path}/complete`, { body: end })).status).toBe(204)
    expect((await worker.as('POST', `${path}/complete`, { body: end })).status).toBe(204)
    expect((await call('GET', path)).json).toMatchObject({
      state: 'WAITING_CHILDREN',
      waiting: { reason: 'subtasks' },
      actions: ['cancel'],
    })
    const cancelled = await call('POST', `${path}/cancel`)
    expect(cancelled.json).toMatchObject({ state: 'CANCELLED', actions: ['retry'] })
    expect((await tree()).items.map(({ state }) => state)).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED'])
    expect((await call('POST', `${path}/retry`)).json).toMatchObject({ state: 'WAITING_CHILDREN' })
    expect((await tree()).items.map(({ state }) => state)).toEqual(['WAITING_CHILDREN', 'READY', 'BLOCKED'])
    await drain()
  })

  test('is told which field of a subtask is wrong and what to do, and nothing changes', async () => {
    const { id, worker, path, tree, drain } = await claimed('careless')
    const stranger = await register('stranger', ['OTHER'])
    const before = { session: (await call('GET', `/api/v1/sessions/${id}`)).json, tree: await tree() }
    const refused = async (
      tasks: unknown,
      status: number,
      code: string,
      more: Partial<{ attempt: number }> = {},
    ) => {
      const answer = await worker.as('POST', `${path}/subtasks`, { body: { attempt: 1, tasks, ...more } })
      const problem = Problem.parse(answer.json)
      expect(problem).toMatchObject({ status, code, retryable: false })
      return problem.errors[0]
    }
    expect(await refused([task('x', { capability: 'write code' })], 400, 'invalid_input')).toMatchObject({
      pointer: '/tasks/0/capability',
      message: expect.stringContaining('CODE_GENERATION'),
    })
    expect(await refused([task('X!')], 400, 'invalid_input')).toMatchObject({ pointer: '/tasks/0/key' })
    expect(await refused([task('x', { colour: 1 })], 400, 'invalid_input')).toMatchObject({
      pointer: '/tasks/0/colour',
    })
    expect(await refused([], 400, 'invalid_input')).toMatchObject({ pointer: '/tasks' })
    expect(await refused([task('x', { depends_on: ['top'] })], 422, 'subtask_invalid')).toMatchObject({
      pointer: '/tasks',
      message: expect.stringMatching(/circle: top, x/),
    })
    expect(await refused([task('top')], 422, 'subtask_invalid')).toMatchObject({ pointer: '/tasks/0/key' })
    await refused([task('x')], 409, 'stale_attempt', { attempt: 2 })
    const body = { attempt: 1, tasks: [task('x')] }
    const foreign = await stranger.as('POST', `${path}/subtasks`, { body })
    expect(Problem.parse(foreign.json)).toMatchObject({ status: 409, code: 'stale_attempt' })
    expect((await call('POST', `${path}/subtasks`, { body })).status).toBe(403)
    const nobody = '/api/v1/tasks/tsk_00000000000000000000000000/subtasks'
    expect((await worker.as('POST', nobody, { body })).status).toBe(404)
    expect({ session: (await call('GET', `/api/v1/sessions/${id}`)).json, tree: await tree() }).toEqual(
      before,
    )
    await drain()
  })
})

const nothing = { base_commit: null, artifact_id: null, patch_artifact_id: null, diff: null }

test('the document names the call and its refusal', async () => {
  const { json } = await call('GET', '/openapi.json')
  expect(json).toMatchObject({
    paths: { '/api/v1/tasks/{id}/subtasks': { post: { operationId: 'add_subtasks' } } },
  })
})
