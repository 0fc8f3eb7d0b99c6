import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Worker } from '#core/actor'
import { readDiagnosis } from '#core/diagnosis/read'
import { controlSession } from '#core/session/control'
import { createSession } from '#core/session/create'
import { readSession } from '#core/session/read'
import { NewSession } from '#core/session/session'
import { listSessionTasks } from '#core/task/read'
import { reportEvents } from '#core/task/report'
import { claimTask, releaseWork } from '#core/task/work'
import { readTenant } from '#core/tenant/read'
import type { TenantPatch } from '#core/tenant/tenant'
import { updateTenant } from '#core/tenant/update'
import { noUsage } from '#core/usage/usage'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, type Plant } from '../plant.ts'

let url: string
let plant: Plant

beforeAll(async () => {
  url = (await testDatabase()).url
  plant = openPlant(url)
})
afterAll(() => plant.close())

const quota = (patch: TenantPatch) => updateTenant(plant.services, plant.operator, patch, null)
const session = (id: string) => readSession(plant.services, plant.operator, id)
const diagnosis = async (id: string) => (await readDiagnosis(plant.services, plant.operator, id)).waiting
const query = <Row extends object>(text: string, values: unknown[] = []) =>
  plant.engine.query<Row>(null, { name: '', text, values })

async function made(start: boolean, ...more: string[]) {
  const tasks = ['one', ...more].map((key) => [key] as const)
  const input = NewSession.parse({ title: 'G', prompt: 'x', plan: planOf(...tasks), start })
  return (await createSession(plant.services, plant.operator, input)).id
}

const running = async () =>
  (
    await query<{ id: string }>(`select id from session where state in ('RUNNING', 'PAUSING') order by id`)
  ).map(({ id }) => id)

describe('concurrent sessions', () => {
  it('50 that start at once, looked at by many steps, never run six at a time where five may', async () => {
    await quota({ max_running_sessions: 5 })
    const others = Array.from({ length: 3 }, () => openPlant(url, { automatic: false }))
    const ids = await Promise.all(Array.from({ length: 50 }, () => made(false)))
    const tenant = { kind: 'tenant', tenant_id: plant.operator.tenant_id } as const
    const everybodyLooks = () => Promise.all(others.map(({ look }) => look([tenant])))
    await Promise.all([
      ...ids.map((id) => controlSession(plant.services, plant.operator, id, 'start')),
      ...Array.from({ length: 4 }, everybodyLooks),
    ])
    await plant.settle()
    const first = await running()
    expect(first).toHaveLength(5)
    const places = await Promise.all(ids.map(async (id) => (await session(id)).queue_position ?? 0))
    expect(places.filter((place) => place > 0).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 45 }, (_, i) => i + 1),
    )
    const last = ids[places.indexOf(45)] ?? ''
    const quotaPart = { kind: 'quota', running: 5, limit: 5, before: 44 }
    expect(await diagnosis(last)).toMatchObject({ reason: 'queued', path: [{}, quotaPart] })

    // Each place that is freed is taken once, by whoever looks first.
    for (let round = 0; round < 12; round++) {
      const ending = await running()
      await Promise.all([
        ...ending.map((id) => controlSession(plant.services, plant.operator, id, 'stop')),
        everybodyLooks(),
        everybodyLooks(),
      ])
      await plant.settle()
    }
    const [most] = await query<{ most: number; ran: number }>(
      `select max(running)::int as most, count(*) filter (where to_state = 'RUNNING')::int as ran from (
         select to_state, sum(case when to_state = 'RUNNING' then 1
                                   when from_state in ('RUNNING', 'PAUSING') and to_state <> 'PAUSING' then -1
                                   else 0 end) over (order by id) as running
         from session_change) c`,
    )
    await Promise.all(others.map((other) => other.close()))
    expect(most).toEqual({ most: 5, ran: 50 })
    await quota({ max_running_sessions: 200 })
  })

  it('of a quota that is lowered go on, and a raised one lets in those that wait', async () => {
    const one = await made(true)
    await plant.settle()
    await quota({ max_running_sessions: 0 })
    const two = await made(true)
    await plant.settle()
    expect([(await session(one)).state, (await session(two)).state]).toEqual(['RUNNING', 'QUEUED'])
    await quota({ max_running_sessions: 200 })
    await plant.settle()
    expect((await session(two)).state).toBe('RUNNING')
    for (const id of [one, two]) await controlSession(plant.services, plant.operator, id, 'stop')
    await plant.settle()
  })
})

describe('agents', () => {
  it('that register at once are let in as far as the quota goes; who comes again needs no place', async () => {
    await quota({ max_agents: 3 })
    const names = Array.from({ length: 10 }, (_, i) => `agent-${i}`)
    const asked = await Promise.allSettled(names.map((name) => plant.register(name, ['OTHER'])))
    const refused = asked.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    expect(refused).toHaveLength(7)
    for (const reason of refused)
      expect(reason).toMatchObject({ code: 'quota_exceeded', details: { quota: 'max_agents', limit: 3 } })
    const [known] = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value.agent.name] : []))
    await plant.register(known ?? '', ['OTHER'])
    expect((await readTenant(plant.services, plant.operator)).usage.agents).toBe(3)
    await quota({ max_agents: 1000 })
  })
})

describe('tokens a day', () => {
  let worker: Worker
  beforeAll(async () => {
    worker = (await plant.register('spender', ['CODE_GENERATION'], 2)).worker
  })

  async function claimed() {
    const id = await made(true, 'two')
    await plant.settle()
    const page = { limit: 10, after: null }
    const { items } = await listSessionTasks(plant.services, plant.operator, id, page)
    const held = items.filter(({ state }) => state === 'ASSIGNED')
    for (const { id: task_id, attempt } of held)
      await claimTask(plant.services, worker, task_id, attempt, true)
    return { id, held }
  }

  async function spend(task_id: string, attempt: number, batch: number, input_tokens: number) {
    const usage = { ...noUsage, input_tokens }
    await reportEvents(plant.services, worker, task_id, { attempt, batch, events: [], usage })
    await plant.settle()
  }

  const giveBack = async (held: { id: string; attempt: number }[]) => {
    for (const { id, attempt } of held) await releaseWork(plant.services, worker, id, attempt, 'pause')
    await plant.settle()
  }
  const midnight = async () => (await readTenant(plant.services, plant.operator)).usage.day_ends_at
  /** What was spent so far was spent yesterday. */
  async function tomorrow() {
    await query('update token_day set day = day - 1')
    const wakes = await query<{ session_id: string; tenant_id: string }>(
      `select id as session_id, tenant_id from session where state in ('PAUSED', 'QUEUED')`,
    )
    await plant.look(wakes.map((wake) => ({ kind: 'session' as const, ...wake })))
    await plant.settle()
  }

  it('once spent pause what runs and let nothing begin, until midnight, and the reason is told', async () => {
    await quota({ max_tokens_per_day: 1_000 })
    const { id, held } = await claimed()
    const [first] = held
    if (!first) throw new Error('Nothing was offered.')
    await spend(first.id, first.attempt, 1, 400)
    expect((await session(id)).state).toBe('RUNNING')
    await spend(first.id, first.attempt, 2, 700)
    expect((await session(id)).state).toBe('PAUSING')
    await giveBack(held)
    const until = await midnight()
    expect(await session(id)).toMatchObject({
      ...{ state: 'PAUSED', wake_at: until },
      waiting: { reason: 'tokens_per_day', until },
    })
    const path = [{}, { kind: 'quota', quota: 'max_tokens_per_day', state: 'SPENT' }]
    expect(await diagnosis(id)).toMatchObject({ owner: 'timer', until, path })

    const late = await made(true)
    await plant.settle()
    expect(await session(late)).toMatchObject({ state: 'QUEUED', wake_at: until })
    expect(await diagnosis(late)).toMatchObject({ reason: 'tokens_per_day', owner: 'timer', until, path })
    expect((await readTenant(plant.services, plant.operator)).usage.tokens_today).toBe(1_100)

    await tomorrow()
    expect((await session(id)).state).toBe('RUNNING')
    expect((await session(late)).state).toBe('RUNNING')
    for (const one of [id, late]) await controlSession(plant.services, plant.operator, one, 'stop')
    await plant.settle()
  })

  it('that are raised let go on what they paused, but for what an operator has paused meanwhile', async () => {
    await quota({ max_tokens_per_day: 10 })
    const one = await claimed()
    const [task] = one.held
    if (!task) throw new Error('Nothing was offered.')
    await spend(task.id, task.attempt, 1, 20)
    await giveBack(one.held)
    const other = await made(true)
    await plant.settle()
    expect((await session(one.id)).state).toBe('PAUSED')
    await quota({ max_tokens_per_day: 15 })
    await plant.settle()
    expect((await session(one.id)).state).toBe('PAUSED')
    await controlSession(plant.services, plant.operator, one.id, 'pause')
    await quota({ max_tokens_per_day: null })
    await plant.settle()
    expect((await session(other)).state).toBe('RUNNING')
    expect(await session(one.id)).toMatchObject({ state: 'PAUSED', waiting: { reason: 'paused' } })
    await controlSession(plant.services, plant.operator, one.id, 'resume')
    await plant.settle()
    expect((await session(one.id)).state).toBe('RUNNING')
  })

  it('are counted exactly, however many report at once', async () => {
    await query('delete from token_day')
    const many = await plant.register('many', ['CODE_GENERATION'], 20)
    const parallel = await Promise.all(Array.from({ length: 10 }, () => made(true)))
    await plant.settle()
    const tasks = await query<{ id: string; attempt: number; agent_id: string; state: string }>(
      `select id, attempt, agent_id, state from task where state = 'ASSIGNED' and session_id = any($1::text[])`,
      [parallel],
    )
    const by = (agent_id: string): Worker => ({ ...many.worker, agent_id })
    await Promise.all(
      tasks.map(async ({ id, attempt, agent_id }) => {
        await claimTask(plant.services, by(agent_id), id, attempt, true)
        for (const batch of [1, 2, 3, 4]) {
          const usage = { ...noUsage, output_tokens: 7 }
          await reportEvents(plant.services, by(agent_id), id, { attempt, batch, events: [], usage })
        }
      }),
    )
    await plant.settle()
    expect(tasks.length).toBeGreaterThan(5)
    const { usage } = await readTenant(plant.services, plant.operator)
    expect(usage.tokens_today).toBe(tasks.length * 28)
  })
})
