import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Worker } from '#core/actor'
import { readDiagnosis } from '#core/diagnosis/read'
import { controlSession, patchSession } from '#core/session/control'
import { createSession } from '#core/session/create'
import { readSession } from '#core/session/read'
import { NewSession } from '#core/session/session'
import { listSessionTasks } from '#core/task/read'
import { reportEvents } from '#core/task/report'
import { addSubtasks } from '#core/task/subtask'
import { claimTask, completeWork, failWork, loseWork, releaseWork } from '#core/task/work'
import { type Budget, lessReserved, noBudget, nothingReserved, sliceOf } from '#core/usage/budget'
import { noUsage, type Usage } from '#core/usage/usage'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, type Plant } from '../plant.ts'

let plant: Plant
let worker: Worker

beforeAll(async () => {
  plant = openPlant((await testDatabase()).url)
  worker = (await plant.register('builder', ['CODE_GENERATION', 'INTEGRATION'], 64)).worker
})
afterAll(() => plant.close())

const parallel = (count: number) => planOf(...Array.from({ length: count }, (_, i) => [`t${i}`] as const))

async function begin(budget: Partial<Budget>, plan = parallel(3)) {
  const input = NewSession.parse({
    title: 'G',
    prompt: 'x',
    plan,
    start: true,
    budget: { ...noBudget, ...budget },
  })
  const { id } = await createSession(plant.services, plant.operator, input)
  await plant.settle()
  return id
}

const session = (id: string) => readSession(plant.services, plant.operator, id)
const tasksOf = async (id: string) =>
  (await listSessionTasks(plant.services, plant.operator, id, { limit: 1_000, after: null })).items
const statesOf = async (id: string) => (await tasksOf(id)).map(({ key, state }) => `${key} ${state}`)

async function claim(session_id: string, key: string) {
  const task = (await tasksOf(session_id)).find((one) => one.key === key)
  if (!task) throw new Error(`no task ${key}`)
  await claimTask(plant.services, worker, task.id, task.attempt, true)
  return { id: task.id, attempt: task.attempt, batch: 0 }
}
type Claimed = Awaited<ReturnType<typeof claim>>

/** One model call, reported. */
async function spend(held: Claimed, usage: Partial<Usage>) {
  held.batch += 1
  const body = { attempt: held.attempt, batch: held.batch, events: [], usage: { ...noUsage, ...usage } }
  return (await reportEvents(plant.services, worker, held.id, body)).action
}

async function release(held: Claimed) {
  await releaseWork(plant.services, worker, held.id, held.attempt, 'pause')
  await plant.settle()
}

async function complete({ id, attempt, batch }: Claimed) {
  const nothing = { base_commit: null, artifact_id: null, patch_artifact_id: null, diff: null, checks: [] }
  await completeWork(plant.services, worker, id, { ...nothing, attempt, batch, summary: '', commit: null })
  await plant.settle()
}

/** What is reserved is what the tasks hold, and only held ones hold any. */
async function assertSettled(id: string) {
  const { reserved } = await session(id)
  const tasks = await tasksOf(id)
  const rest = tasks.reduce((left, task) => lessReserved(left, task.reserved), reserved)
  expect(rest).toEqual(nothingReserved)
  for (const task of tasks)
    if (!['ASSIGNED', 'RUNNING', 'AWAITING_INPUT'].includes(task.state))
      expect(task.reserved).toEqual(nothingReserved)
  return reserved
}

async function stop(id: string) {
  await controlSession(plant.services, plant.operator, id, 'stop')
  await plant.settle()
}

describe('a budget', () => {
  it('is reserved in slices by those who are assigned; reports settle them and top them up', async () => {
    const id = await begin({ tokens: 1_600, cost_usd: 16 })
    expect(await assertSettled(id)).toEqual({ tokens: 300, cost_usd: 1.5 })
    const first = await claim(id, 't0')
    expect(await spend(first, { input_tokens: 40, cost_usd: 0.25 })).toBe('continue')
    expect(await assertSettled(id)).toEqual({ tokens: 300, cost_usd: 1.5 })
    expect(await spend(first, { output_tokens: 1_350 })).toBe('continue')
    // 1390 are spent and 200 are the others': 10 are left for this one.
    expect(await assertSettled(id)).toEqual({ tokens: 210, cost_usd: 1.5 })
    expect((await tasksOf(id))[0]?.reserved).toEqual({ tokens: 10, cost_usd: 0.5 })
    await complete(first)
    expect(await assertSettled(id)).toEqual({ tokens: 200, cost_usd: 1 })
    await stop(id)
  })

  it('that others have reserved is not spent twice: each goes at most one call past its own slice', async () => {
    const id = await begin({ tokens: 160 })
    const held = [await claim(id, 't0'), await claim(id, 't1'), await claim(id, 't2')]
    expect(await assertSettled(id)).toEqual({ tokens: 30, cost_usd: 0 })
    const call = 150
    const actions: string[] = []
    // All three calls of the model are under way when the first is reported.
    for (const one of held) actions.push(await spend(one, { input_tokens: call }))
    expect(actions).toEqual(['pause', 'pause', 'pause'])
    await plant.settle()
    expect((await session(id)).usage.input_tokens).toBeLessThanOrEqual(160 + 3 * call)
    for (const one of held) await release(one)
    expect(await session(id)).toMatchObject({ state: 'PAUSED', waiting: { reason: 'budget_exceeded' } })
    expect(await assertSettled(id)).toEqual(nothingReserved)
    await stop(id)
  })

  it('of which the rest is reserved pauses one task and not its session; it goes on when some is given back', async () => {
    const id = await begin({ tokens: 160 }, parallel(2))
    const [first, second] = [await claim(id, 't0'), await claim(id, 't1')]
    expect(await spend(first, { input_tokens: 150 })).toBe('pause')
    // What was paused is told so again with every batch until it hands its work back.
    expect(await spend(first, {})).toBe('pause')
    await release(first)
    expect(await session(id)).toMatchObject({ state: 'RUNNING', reserved: { tokens: 10 } })
    const [waiting] = await tasksOf(id)
    expect(waiting).toMatchObject({ state: 'READY', waiting: { reason: 'budget_reserved' } })
    const diagnosis = await readDiagnosis(plant.services, plant.operator, id)
    expect(diagnosis.waiting).toMatchObject({ owner: 'agent', until: expect.any(String) })
    await complete(second)
    expect(await statesOf(id)).toEqual(['t0 ASSIGNED', 't1 COMPLETED'])
    expect(await assertSettled(id)).toEqual({ tokens: 10, cost_usd: 0 })
    await stop(id)
  })

  it('that is raised starts what waited for it, and resumes what it had paused, even while it settles', async () => {
    const id = await begin({ cost_usd: 1 }, parallel(2))
    const raise = (cost_usd: number) =>
      patchSession(plant.services, plant.operator, id, { budget: { ...noBudget, cost_usd } }, null)
    const [first, second] = [await claim(id, 't0'), await claim(id, 't1')]
    expect(await spend(first, { cost_usd: 0.9375 })).toBe('pause')
    await release(first)
    expect((await tasksOf(id))[0]).toMatchObject({ state: 'READY', waiting: { reason: 'budget_reserved' } })
    await raise(2)
    await plant.settle()
    expect((await tasksOf(id))[0]).toMatchObject({ state: 'ASSIGNED', reserved: { cost_usd: 0.125 } })
    expect(await spend(second, { cost_usd: 1.5 })).toBe('pause')
    await plant.settle()
    expect((await session(id)).state).toBe('PAUSING')
    await raise(4)
    await plant.settle()
    expect((await session(id)).state).toBe('PAUSING')
    await release(second)
    expect(await session(id)).toMatchObject({ state: 'RUNNING', waiting: null })
    expect(await statesOf(id)).toEqual(['t0 ASSIGNED', 't1 ASSIGNED'])
    await assertSettled(id)
    const again = await claim(id, 't1')
    expect(await spend(again, { cost_usd: 2 })).toBe('pause')
    await plant.settle()
    await release(again)
    expect((await session(id)).state).toBe('PAUSED')
    await raise(8)
    await plant.settle()
    expect((await session(id)).state).toBe('RUNNING')
    await stop(id)
  })

  it('of a task that is lost, fails or is cancelled settles at what it had reported', async () => {
    const id = await begin({ tokens: 1_600 })
    const [first, second] = [await claim(id, 't0'), await claim(id, 't1')]
    await spend(first, { input_tokens: 7 })
    await loseWork(plant.services, worker, first.id, first.attempt)
    const failure = { code: 'check_failed' as const, message: 'x', retryable: false }
    const usage = { ...noUsage, input_tokens: 5 }
    await failWork(plant.services, worker, second.id, { attempt: 1, batch: 0, ...failure, usage })
    await plant.settle()
    // The lost one is offered again, with a slice of its own.
    expect(await statesOf(id)).toEqual(['t0 ASSIGNED', 't1 FAILED', 't2 ASSIGNED'])
    expect(await assertSettled(id)).toEqual({ tokens: 200, cost_usd: 0 })
    expect((await session(id)).usage.input_tokens).toBe(12)
    await stop(id)
    expect(await assertSettled(id)).toEqual(nothingReserved)
  })

  it('is one for a task and those below it', async () => {
    const id = await begin({ tokens: 160 }, parallel(1))
    const top = await claim(id, 't0')
    await addSubtasks(plant.services, worker, top.id, { attempt: 1, tasks: planOf(['x'], ['y']).tasks })
    await spend(top, { input_tokens: 141 })
    await complete(top)
    expect(await assertSettled(id)).toEqual({ tokens: 19, cost_usd: 0 })
    const x = await claim(id, 'x')
    expect(await spend(x, { input_tokens: 12 })).toBe('pause')
    await stop(id)
  })

  it('is counted in Postgres as it is in a decision', async () => {
    const cases: [Partial<Budget>, Partial<Usage>][] = [
      [{ tokens: 1_000 }, { input_tokens: 3, reasoning_tokens: 4, cache_read_tokens: 900 }],
      [
        { tokens: 17, cost_usd: 0.01 },
        { output_tokens: 5, cost_usd: 0.0033 },
      ],
      [
        { tokens: 2_000_000, cost_usd: 100 },
        { input_tokens: 1_960_000, cost_usd: 0.3 },
      ],
      [{ cost_usd: 0.000001 }, { cost_usd: 0.0000004 }],
      [{ tokens: 10 }, { input_tokens: 10 }],
      [{}, { input_tokens: 10, cost_usd: 3 }],
    ]
    for (const [budget, usage] of cases) {
      const id = await begin(budget, parallel(1))
      const held = await claim(id, 't0')
      const known = {
        budget: { ...noBudget, ...budget },
        usage: { ...noUsage, ...usage },
        reserved: nothingReserved,
      }
      const next = sliceOf(known)
      expect(await spend(held, usage)).toBe(next ? 'continue' : 'pause')
      expect((await session(id)).reserved).toEqual(next ?? nothingReserved)
      await stop(id)
    }
  })
})
