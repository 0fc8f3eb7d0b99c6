import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Worker } from '#core/actor'
import { readInbox } from '#core/agent/inbox'
import { listCheckpoints } from '#core/checkpoint/read'
import { readDiagnosis } from '#core/diagnosis/read'
import { readEvents } from '#core/event/read'
import { verifyHistory } from '#core/event/verify'
import { createSession } from '#core/session/create'
import { forkSession } from '#core/session/fork'
import { readSession } from '#core/session/read'
import { NewSession } from '#core/session/session'
import { listSessionTasks } from '#core/task/read'
import type { MergeConflict } from '#core/task/wire'
import { claimTask, completeWork, releaseWork } from '#core/task/work'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, type Plant } from '../plant.ts'

let plant: Plant
let worker: Worker

beforeAll(async () => {
  plant = openPlant((await testDatabase()).url)
  worker = (await plant.register('only', ['CODE_GENERATION', 'INTEGRATION'])).worker
})
afterAll(() => plant.close())

const hash = (letter: string) => letter.repeat(40)
const nothing = { base_commit: hash('0'), artifact_id: null, patch_artifact_id: null, diff: null, checks: [] }
const conflict: MergeConflict = {
  keys: ['a', 'b'],
  commits: [hash('a'), hash('b')],
  files: ['notes.md'],
}

const read = (id: string) => readSession(plant.services, plant.operator, id)
const tasksOf = async (id: string) =>
  (await listSessionTasks(plant.services, plant.operator, id, { limit: 1_000, after: null })).items
const taskOf = async (id: string, key: string) => (await tasksOf(id)).find((task) => task.key === key)
const statesOf = async (id: string) =>
  Object.fromEntries((await tasksOf(id)).map(({ key, state }) => [key, state]))
const eventsOf = async (id: string) =>
  (await readEvents(plant.services, plant.operator, id, { after: 0, limit: 1_000, types: null })).items

async function begin({ tasks: planned }: ReturnType<typeof planOf>) {
  const tasks = planned.map((task) => ({ ...task, checks: [{ command: `check ${task.key}` }] }))
  const input = NewSession.parse({ title: 'Goal', prompt: 'Reach it.', plan: { tasks }, start: true })
  const { id } = await createSession(plant.services, plant.operator, input)
  await plant.settle()
  return id
}

/** Claims what is offered next of a session. */
async function claim(session_id: string) {
  await plant.settle()
  const mine = new Set((await tasksOf(session_id)).map(({ id }) => id))
  const items = await readInbox(plant.services, worker, 0)
  const item = items.filter((one) => one.kind === 'OFFER' && mine.has(one.task_id ?? '')).at(-1)
  if (!item?.task_id || !item.attempt) throw new Error('nothing is offered')
  const { task_id: id, attempt } = item
  return { id, attempt, ...(await claimTask(plant.services, worker, id, attempt, true)) }
}
type Claimed = Awaited<ReturnType<typeof claim>>

const complete = ({ id, attempt, task }: Claimed) =>
  completeWork(plant.services, worker, id, {
    ...{ attempt, batch: 0, summary: 'Done.', ...nothing },
    commit: hash(task.key === 'merge-1' ? 'c' : task.key.slice(0, 1)),
  })
const meet = ({ id, attempt }: Claimed, what = conflict) =>
  releaseWork(plant.services, worker, id, attempt, 'merge_conflict', what)

async function workOff(session_id: string, keys: string[]) {
  for (const key of keys) {
    const claimed = await claim(session_id)
    expect(claimed.task.key).toBe(key)
    await complete(claimed)
  }
}

it('a conflict becomes a task, the one that met it waits for that, goes on from it, and it does not come again', async () => {
  const id = await begin(planOf(['a'], ['b'], ['d', 'a', 'b']))
  await workOff(id, ['a', 'b'])
  const waiting = await claim(id)
  expect(waiting.inputs.map(({ key }) => key)).toEqual(['a', 'b'])
  await meet(waiting)
  await plant.settle()
  expect(await statesOf(id)).toEqual({ a: 'COMPLETED', b: 'COMPLETED', d: 'BLOCKED', 'merge-1': 'ASSIGNED' })
  const because = 'The work of "a" and "b" conflicts in notes.md: "d" waits until "merge-1" has joined them.'
  expect(await readDiagnosis(plant.services, plant.operator, id)).toMatchObject({
    waiting: {
      sentence: expect.stringMatching(`^${because} "merge-1" is offered to only`),
      path: [{ kind: 'session' }, { key: 'd' }, { key: 'merge-1', task_kind: 'MERGE' }, { kind: 'agent' }],
    },
  })
  const merge = await claim(id)
  expect(merge.task).toMatchObject({ key: 'merge-1', kind: 'MERGE', capability: 'INTEGRATION' })
  expect(merge.task.checks.map(({ command }) => command)).toEqual(['check a', 'check b'])
  expect(merge.inputs.map(({ key }) => key)).toEqual(['a', 'b'])
  await complete(merge)
  const again = await claim(id)
  expect(again.task).toMatchObject({ key: 'd', attempt: 2, failures: 0 })
  expect(again.inputs.map(({ key }) => key)).toEqual(['merge-1'])
  await complete(again)
  await workOff(id, ['integrate'])
  await plant.settle()
  expect(await read(id)).toMatchObject({ state: 'COMPLETED', success_rate: 1 })
  const events = await eventsOf(id)
  expect(events.find(({ type }) => type === 'task.blocked')?.data).toMatchObject({
    ...{ key: 'd', from: 'RUNNING', to: 'BLOCKED', reason: 'merge_conflict', merge: 'merge-1' },
    ...{ commits: conflict.commits, files: conflict.files, depends_on: ['a', 'b', 'merge-1'] },
  })
  expect(events.some(({ type }) => type === 'task.failed')).toBe(false)
  expect(await verifyHistory(plant.services, plant.operator, id)).toMatchObject({ valid: true })
})

it('the last integration waits too, and begins with the resolution alone', async () => {
  const id = await begin(planOf(['a'], ['b']))
  await workOff(id, ['a', 'b'])
  await meet(await claim(id))
  await workOff(id, ['merge-1'])
  const last = await claim(id)
  expect(last.task).toMatchObject({ kind: 'INTEGRATION', attempt: 2 })
  expect(last.inputs.map(({ key }) => key)).toEqual(['merge-1'])
  await complete(last)
  await plant.settle()
  expect((await read(id)).state).toBe('COMPLETED')
})

it('a stale attempt’s conflict, and one of tasks that are not finished, change nothing', async () => {
  const id = await begin(planOf(['a'], ['b'], ['d', 'a', 'b']))
  await workOff(id, ['a', 'b'])
  const held = await claim(id)
  const before = await eventsOf(id)
  const strange = { ...conflict, keys: ['a', 'd'] }
  await expect(meet(held, strange)).rejects.toMatchObject({
    code: 'invalid_input',
    errors: [{ pointer: '/conflict/keys' }],
  })
  await expect(meet({ ...held, attempt: 7 })).rejects.toMatchObject({ code: 'stale_attempt' })
  expect(await eventsOf(id)).toEqual(before)
  await meet(held)
  await expect(meet(held)).rejects.toMatchObject({ code: 'stale_attempt' })
  expect((await tasksOf(id)).filter(({ kind }) => kind === 'MERGE')).toHaveLength(1)
  await workOff(id, ['merge-1', 'd', 'integrate'])
})

it('a fork from before the conflict knows nothing of it; one from after waits for the same', async () => {
  const id = await begin(planOf(['a'], ['b'], ['d', 'a', 'b']))
  await workOff(id, ['a', 'b'])
  const held = await claim(id)
  const { items } = await listCheckpoints(plant.services, plant.operator, id, { limit: 1, before: null })
  const checkpoint = items[0]?.number
  await meet(held)
  await plant.settle()
  const fork = (input: object) => forkSession(plant.services, plant.operator, id, { start: false, ...input })
  const earlier = await fork(checkpoint ? { checkpoint } : {})
  expect(await statesOf(earlier.id)).toEqual({ a: 'COMPLETED', b: 'COMPLETED', d: 'READY' })
  expect((await taskOf(earlier.id, 'd'))?.depends_on).toEqual(['a', 'b'])
  const later = await fork({})
  expect(await statesOf(later.id)).toEqual({
    a: 'COMPLETED',
    b: 'COMPLETED',
    d: 'BLOCKED',
    'merge-1': 'READY',
  })
  expect((await taskOf(later.id, 'd'))?.depends_on).toEqual(['a', 'b', 'merge-1'])
  await workOff(id, ['merge-1', 'd', 'integrate'])
})
