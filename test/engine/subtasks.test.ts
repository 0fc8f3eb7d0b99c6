import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Worker } from '#core/actor'
import { readDiagnosis } from '#core/diagnosis/read'
import { readEvents } from '#core/event/read'
import { controlSession } from '#core/session/control'
import { createSession } from '#core/session/create'
import { forkSession } from '#core/session/fork'
import { readSession } from '#core/session/read'
import { NewSession } from '#core/session/session'
import { controlTask } from '#core/task/control'
import { listSessionTasks } from '#core/task/read'
import { reportEvents } from '#core/task/report'
import { addSubtasks } from '#core/task/subtask'
import { claimTask, completeWork, failWork } from '#core/task/work'
import { noUsage } from '#core/usage/usage'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, type Plant } from '../plant.ts'

let plant: Plant
let worker: Worker
let other: Worker

beforeAll(async () => {
  plant = openPlant((await testDatabase()).url)
  const all = ['PLANNING', 'CODE_GENERATION', 'INTEGRATION']
  worker = (await plant.register('builder', all, 16)).worker
  other = (await plant.register('stranger', ['TESTING'])).worker
})
afterAll(() => plant.close())

type Edges = Parameters<typeof planOf>

async function begin(edges: Edges, more: Partial<NewSession> = {}) {
  const input = NewSession.parse({ title: 'Goal', prompt: 'x', plan: planOf(...edges), start: true, ...more })
  const { id } = await createSession(plant.services, plant.operator, input)
  await plant.settle()
  return id
}

const tree = (id: string) =>
  listSessionTasks(plant.services, plant.operator, id, { limit: 1_000, after: null })
const statesOf = async (id: string) =>
  Object.fromEntries((await tree(id)).items.map(({ key, state }) => [key, state]))
const session = (id: string) => readSession(plant.services, plant.operator, id)

async function named(session_id: string, key: string) {
  const task = (await tree(session_id)).items.find((one) => one.key === key)
  if (!task) throw new Error(`no task ${key}`)
  return task
}

/** Claims a task that is offered. */
async function claim(session_id: string, key: string) {
  const { id, attempt } = await named(session_id, key)
  const assignment = await claimTask(plant.services, worker, id, attempt, true)
  return { id, attempt, assignment }
}

const add = ({ id, attempt }: { id: string; attempt: number }, ...edges: Edges) =>
  addSubtasks(plant.services, worker, id, { attempt, tasks: planOf(...edges).tasks })

const nothing = { base_commit: null, artifact_id: null, patch_artifact_id: null, diff: null, checks: [] }
/** Each task's commit says whose it is. */
const commitOf = (key: string) => Buffer.from(key).toString('hex').padEnd(40, '0').slice(0, 40)

async function complete({ id, attempt }: { id: string; attempt: number }, key: string, batch = 0) {
  const body = { ...nothing, attempt, batch, summary: `Did ${key}.`, commit: commitOf(key) }
  await completeWork(plant.services, worker, id, body)
  await plant.settle()
}

async function fail({ id, attempt }: { id: string; attempt: number }, message = 'exit 1') {
  const body = { attempt, batch: 0, code: 'check_failed' as const, message, retryable: false }
  await failWork(plant.services, worker, id, body)
  await plant.settle()
}

async function doTask(session_id: string, key: string) {
  const claimed = await claim(session_id, key)
  await complete(claimed, key)
  return claimed.assignment.inputs.map((input) => input.key)
}

describe('subtasks of a running task', () => {
  it('begin from its commit, and it is COMPLETED when they are; what depends on it has the work of all', async () => {
    const id = await begin([['top'], ['after', 'top']])
    const top = await claim(id, 'top')
    await add(top, ['x'], ['y', 'x'], ['z'])
    await plant.settle()
    expect(await statesOf(id)).toEqual({
      top: 'RUNNING',
      x: 'BLOCKED',
      y: 'BLOCKED',
      z: 'BLOCKED',
      after: 'BLOCKED',
    })
    expect((await readDiagnosis(plant.services, plant.operator, id)).waiting).toMatchObject({
      reason: 'working',
    })

    await complete(top, 'top')
    const waiting = await named(id, 'top')
    expect(waiting).toMatchObject({
      state: 'WAITING_CHILDREN',
      result: { commit: commitOf('top') },
      ended_at: null,
    })
    expect(waiting.waiting).toMatchObject({ reason: 'subtasks' })
    const { waiting: why } = await readDiagnosis(plant.services, plant.operator, id)
    expect(why?.path.flatMap(({ key }) => key ?? [])).toEqual(['after', 'top', 'x'])
    // Handing in again, as after a lost answer, is answered the same.
    await complete(top, 'top')

    expect(await doTask(id, 'x')).toEqual(['top'])
    expect(await doTask(id, 'y')).toEqual(['x'])
    expect(await statesOf(id)).toMatchObject({ top: 'WAITING_CHILDREN', z: 'ASSIGNED', after: 'BLOCKED' })
    expect(await doTask(id, 'z')).toEqual(['top'])
    expect(await statesOf(id)).toMatchObject({ top: 'COMPLETED' })
    expect(await doTask(id, 'after')).toEqual(['y', 'z'])
    expect(await doTask(id, 'integrate')).toEqual(['after'])
    expect((await session(id)).state).toBe('COMPLETED')
    const { items } = await readEvents(plant.services, plant.operator, id, {
      after: 0,
      limit: 1_000,
      types: ['task.waiting_children', 'task.completed'],
    })
    expect(items.filter(({ task_id }) => task_id === top.id).map(({ data }) => data)).toMatchObject([
      { to: 'WAITING_CHILDREN', commit: commitOf('top') },
      { from: 'WAITING_CHILDREN', commit: commitOf('top'), subtasks: 3 },
    ])
  })

  it('free the slot of their parent, and the next attempt is told of those that a lost one had added', async () => {
    const id = await begin([['top']])
    const first = await claim(id, 'top')
    await add(first, ['part'])
    await fail({ ...first }, 'engine')
    expect(await statesOf(id)).toEqual({ top: 'FAILED', part: 'CANCELLED' })
    const { error } = await named(id, 'part')
    expect(error?.message).toBe('It is a subtask of "top", which is FAILED.')
    await controlTask(plant.services, plant.operator, first.id, 'retry')
    await plant.settle()
    expect(await statesOf(id)).toEqual({ top: 'ASSIGNED', part: 'BLOCKED' })
    const second = await claim(id, 'top')
    expect(second.assignment.subtasks).toEqual([{ key: 'part', title: 'Do part' }])
    // The same words are the same subtask.
    expect((await add(second, ['part'])).items).toMatchObject([{ key: 'part', state: 'BLOCKED' }])
    expect((await tree(id)).items).toHaveLength(2)
    const before = await plant.services.database.query<{ active: number }>(plant.operator.tenant_id, {
      name: '',
      text: 'select active from agent where id = $1',
      values: [worker.agent_id],
    })
    await completeWork(plant.services, worker, second.id, {
      ...nothing,
      attempt: second.attempt,
      batch: 0,
      summary: '',
      commit: commitOf('top'),
    })
    const after = await plant.services.database.query<{ active: number }>(plant.operator.tenant_id, {
      name: '',
      text: 'select active from agent where id = $1',
      values: [worker.agent_id],
    })
    // In the commit that hands it in, the slot goes on to the subtask.
    expect(await statesOf(id)).toEqual({ top: 'WAITING_CHILDREN', part: 'ASSIGNED' })
    expect(after).toEqual(before)
    await plant.settle()
    await doTask(id, 'part')
    await doTask(id, 'integrate')
    expect((await session(id)).state).toBe('COMPLETED')
  })

  it('that fail for good fail those above by name and cancel what depends on these; a retry goes on with what is left', async () => {
    const id = await begin([['top'], ['after', 'top']])
    const top = await claim(id, 'top')
    await add(top, ['mid'])
    await complete(top, 'top')
    const mid = await claim(id, 'mid')
    await add(mid, ['good'], ['bad'])
    await complete(mid, 'mid')
    await doTask(id, 'good')
    const bad = await claim(id, 'bad')
    await fail(bad, 'npm test: exit 1')
    expect(await statesOf(id)).toEqual({
      top: 'FAILED',
      mid: 'FAILED',
      good: 'COMPLETED',
      bad: 'FAILED',
      after: 'CANCELLED',
    })
    expect((await named(id, 'mid')).error).toEqual({
      code: 'child_failed',
      message: 'Its subtask "bad" is FAILED: npm test: exit 1',
    })
    expect((await named(id, 'top')).error?.message).toContain('Its subtask "mid" is FAILED')
    expect((await named(id, 'after')).error?.message).toBe('It depends on "top", which is FAILED.')
    // The session names the cause, not those above it.
    expect((await session(id)).failure).toMatchObject({ code: 'task_failed', task_id: bad.id })

    await controlTask(plant.services, plant.operator, bad.id, 'retry')
    await plant.settle()
    expect(await statesOf(id)).toEqual({
      top: 'WAITING_CHILDREN',
      mid: 'WAITING_CHILDREN',
      good: 'COMPLETED',
      bad: 'ASSIGNED',
      after: 'BLOCKED',
    })
    expect(await doTask(id, 'bad')).toEqual(['mid'])
    expect(await doTask(id, 'after')).toEqual(['good', 'bad'])
    await doTask(id, 'integrate')
    expect((await session(id)).state).toBe('COMPLETED')
  })

  it('are cancelled with their parent and named by reason; its retry brings back all but what was finished', async () => {
    const id = await begin([['top'], ['after', 'top'], ['last', 'after']])
    const top = await claim(id, 'top')
    await add(top, ['x'], ['y'])
    await complete(top, 'top')
    await doTask(id, 'x')
    await controlTask(plant.services, plant.operator, top.id, 'cancel')
    expect(await statesOf(id)).toEqual({
      top: 'CANCELLED',
      x: 'COMPLETED',
      y: 'CANCELLED',
      after: 'CANCELLED',
      last: 'CANCELLED',
    })
    const why = async (key: string) => (await named(id, key)).error?.message
    expect(await why('y')).toBe('It is a subtask of "top", which is CANCELLED.')
    expect(await why('after')).toBe('It depends on "top", which is CANCELLED.')
    expect(await why('last')).toBe('It depends on "after", which is CANCELLED.')
    await controlTask(plant.services, plant.operator, top.id, 'retry')
    await plant.settle()
    expect(await statesOf(id)).toEqual({
      top: 'WAITING_CHILDREN',
      x: 'COMPLETED',
      y: 'ASSIGNED',
      after: 'BLOCKED',
      last: 'BLOCKED',
    })
    await controlSession(plant.services, plant.operator, id, 'stop')
    await plant.settle()
    expect(await session(id)).toMatchObject({ state: 'STOPPED' })
    await controlSession(plant.services, plant.operator, id, 'retry')
    await plant.settle()
    expect(await statesOf(id)).toMatchObject({ top: 'WAITING_CHILDREN', y: 'ASSIGNED' })
    await controlSession(plant.services, plant.operator, id, 'stop')
    await plant.settle()
  })

  it('of which one is cancelled alone cancel their parent, by name', async () => {
    const id = await begin([['top'], ['beside']])
    const top = await claim(id, 'top')
    await add(top, ['x'], ['y'])
    await controlTask(plant.services, plant.operator, (await named(id, 'x')).id, 'cancel')
    expect(await statesOf(id)).toMatchObject({ top: 'RUNNING', x: 'CANCELLED', y: 'BLOCKED' })
    await complete(top, 'top')
    expect(await named(id, 'top')).toMatchObject({
      state: 'CANCELLED',
      error: { message: 'Its subtask "x" is CANCELLED.' },
    })
    // Another that is broken keeps it so; the last one that is retried brings it back.
    await controlTask(plant.services, plant.operator, (await named(id, 'y')).id, 'cancel')
    await controlTask(plant.services, plant.operator, (await named(id, 'x')).id, 'retry')
    expect(await statesOf(id)).toMatchObject({ top: 'CANCELLED', y: 'CANCELLED' })
    await controlTask(plant.services, plant.operator, (await named(id, 'y')).id, 'retry')
    await plant.settle()
    expect(await statesOf(id)).toMatchObject({ top: 'WAITING_CHILDREN', x: 'ASSIGNED', y: 'ASSIGNED' })
    await controlSession(plant.services, plant.operator, id, 'stop')
    await plant.settle()
  })

  it('go over into a fork, whose parent that had handed in is not run again', async () => {
    const id = await begin([['top'], ['beside']])
    const top = await claim(id, 'top')
    await add(top, ['x'], ['y', 'x'])
    await complete(top, 'top')
    const child = await forkSession(plant.services, plant.operator, id, { start: true })
    await plant.settle()
    expect(await statesOf(child.id)).toEqual({
      top: 'WAITING_CHILDREN',
      x: 'ASSIGNED',
      y: 'BLOCKED',
      beside: 'ASSIGNED',
    })
    expect(await doTask(child.id, 'x')).toEqual(['top'])
    expect(await doTask(child.id, 'y')).toEqual(['x'])
    expect(await statesOf(child.id)).toMatchObject({ top: 'COMPLETED' })
    expect(await statesOf(id)).toMatchObject({ top: 'WAITING_CHILDREN', x: 'ASSIGNED' })
    for (const one of [id, child.id]) await controlSession(plant.services, plant.operator, one, 'stop')
    await plant.settle()
  })
})

describe('the tree', () => {
  it('tells of each task how far those below are and what they used with it, on every page', async () => {
    const id = await begin([['top'], ['beside']])
    const used = async (of: { id: string; attempt: number }, input_tokens: number) =>
      reportEvents(plant.services, worker, of.id, {
        attempt: of.attempt,
        batch: 1,
        events: [],
        usage: { ...noUsage, input_tokens, cost_usd: 0.5 },
      })
    const top = await claim(id, 'top')
    await used(top, 100)
    await add(top, ['x'], ['y'])
    await complete(top, 'top', 1)
    const x = await claim(id, 'x')
    await used(x, 10)
    await add(x, ['deep'])
    await complete(x, 'x', 1)
    const deep = await claim(id, 'deep')
    await used(deep, 1)
    const rolled = async () =>
      (await tree(id)).items.map(({ key, progress, total_usage }) => [
        key,
        progress.done,
        progress.total,
        total_usage.input_tokens,
        total_usage.cost_usd,
      ])
    expect(await rolled()).toEqual([
      ['top', 0, 3, 111, 1.5],
      ['x', 0, 1, 11, 1],
      ['deep', 0, 0, 1, 0.5],
      ['y', 0, 0, 0, 0],
      ['beside', 0, 0, 0, 0],
    ])
    await complete(deep, 'deep', 1)
    const whole = await tree(id)
    expect(whole.items.slice(0, 2).map(({ progress }) => progress)).toEqual([
      { done: 2, total: 3 },
      { done: 1, total: 1 },
    ])
    expect(whole).toMatchObject({
      progress: { done: 2, total: 5 },
      usage: { input_tokens: 111, cost_usd: 1.5 },
    })
    const page = await listSessionTasks(plant.services, plant.operator, id, { limit: 1, after: null })
    expect(page).toMatchObject({
      items: [{ key: 'top', progress: { done: 2, total: 3 } }],
      progress: { done: 2, total: 5 },
    })
    await controlSession(plant.services, plant.operator, id, 'stop')
    await plant.settle()
  })
})

describe('a subtask that cannot be', () => {
  /** Everything that a refused call could have changed. */
  async function standing(id: string) {
    const { version, last_seq, checkpoint_number, state } = await session(id)
    return { version, last_seq, checkpoint_number, state, tasks: (await tree(id)).items }
  }

  async function refuses(id: string, call: () => Promise<unknown>, problem: object) {
    const before = await standing(id)
    await expect(call()).rejects.toMatchObject(problem)
    expect(await standing(id)).toEqual(before)
  }
  const invalid = (pointer: string, message: unknown) => ({
    code: 'subtask_invalid',
    errors: [{ pointer, message }],
  })

  it('is refused with the field and the remedy, and nothing changes', async () => {
    const id = await begin([['top'], ['after', 'top'], ['broken'], ['beside']], {
      budget: { tokens: null, cost_usd: null, seconds: null, tasks: 7 },
    })
    await fail(await claim(id, 'broken'))
    const top = await claim(id, 'top')
    const faults: [Edges, string, RegExp][] = [
      [[['after']], '/tasks/0/key', /"after" is taken in this session; choose another/],
      [[['integrate']], '/tasks/0/key', /taken/],
      [[['x'], ['x']], '/tasks/1/key', /taken/],
      [[['x', 'nowhere']], '/tasks/0/depends_on/0', /no task of this session has the key "nowhere"/],
      [[['x'], ['y', 'x', 'broken']], '/tasks/1/depends_on/1', /"broken" is FAILED.*leave it out/],
      [
        [
          ['x', 'y'],
          ['y', 'x'],
        ],
        '/tasks',
        /circle: x, y/,
      ],
      [[['x', 'x']], '/tasks', /circle: x/],
      [[['x', 'top']], '/tasks', /circle: top, x; leave out/],
      // "after" waits for "top", which waits for its subtasks.
      [[['x', 'after']], '/tasks', /circle: top, after, x/],
      [[['a'], ['b'], ['c'], ['d']], '/tasks', /4 more.*4 of at most 7.*budget\.tasks/],
    ]
    for (const [edges, pointer, message] of faults)
      await refuses(id, () => add(top, ...edges), invalid(pointer, expect.stringMatching(message)))
    expect((await add(top, ['a', 'beside'], ['b'], ['c', 'a'])).items).toHaveLength(3)
    // Other words under a key of its own are not the subtask that is there.
    await refuses(id, () => add(top, ['c']), invalid('/tasks/0/key', expect.stringMatching(/taken/)))
    await controlSession(plant.services, plant.operator, id, 'stop')
    await plant.settle()
  })

  it('is refused across two trees that would wait for each other', async () => {
    const id = await begin([['left'], ['right']])
    const left = await claim(id, 'left')
    const right = await claim(id, 'right')
    await add(left, ['l'])
    await add(right, ['r', 'l'])
    await add(left, ['l2', 'right'])
    const circle = expect.stringMatching(/circle: left, right, l2, r3/)
    await refuses(id, () => add(right, ['r3', 'left']), invalid('/tasks', circle))
    await controlSession(plant.services, plant.operator, id, 'stop')
    await plant.settle()
  })

  it('is refused below the fifth level', async () => {
    const id = await begin([['level-1']])
    for (let level = 1; level < 5; level++) {
      const held = await claim(id, `level-${level}`)
      await add(held, [`level-${level + 1}`])
      await complete(held, `level-${level}`)
    }
    const deepest = await claim(id, 'level-5')
    const message = expect.stringMatching(/level 6.*at most 5/)
    await refuses(id, () => add(deepest, ['level-6']), invalid('/tasks', message))
    await complete(deepest, 'level-5')
    expect(Object.values(await statesOf(id)).filter((state) => state === 'COMPLETED')).toHaveLength(5)
    await doTask(id, 'integrate')
    expect((await session(id)).state).toBe('COMPLETED')
  })

  it('is refused to another agent, to a stale attempt, before the claim and after the hand-in', async () => {
    const id = await begin([['top'], ['beside']])
    const { id: task, attempt } = await named(id, 'top')
    const stale = { code: 'stale_attempt' }
    const tasks = planOf(['x']).tasks
    await refuses(id, () => addSubtasks(plant.services, worker, task, { attempt, tasks }), stale)
    const top = await claim(id, 'top')
    await refuses(id, () => addSubtasks(plant.services, other, task, { attempt, tasks }), stale)
    await refuses(id, () => addSubtasks(plant.services, worker, task, { attempt: attempt + 1, tasks }), stale)
    await add(top, ['y'])
    await complete(top, 'top')
    await refuses(id, () => addSubtasks(plant.services, worker, task, { attempt, tasks }), stale)
    await expect(addSubtasks(plant.services, worker, 'tsk_none', { attempt, tasks })).rejects.toMatchObject({
      code: 'not_found',
    })
    await controlSession(plant.services, plant.operator, id, 'stop')
    await plant.settle()
  })

  it('is refused to the Architect, who hands in a plan', async () => {
    const { id } = await createSession(
      plant.services,
      plant.operator,
      NewSession.parse({ title: 'G', prompt: 'x', start: true }),
    )
    await plant.settle()
    const planning = await claim(id, 'plan')
    await refuses(id, () => add(planning, ['x']), invalid('/tasks', expect.stringMatching(/kind PLAN/)))
    await controlSession(plant.services, plant.operator, id, 'stop')
    await plant.settle()
  })
})
