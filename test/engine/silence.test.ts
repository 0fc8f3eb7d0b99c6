import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Worker } from '#core/actor'
import { heartbeat } from '#core/agent/heartbeat'
import { readInbox } from '#core/agent/inbox'
import { readAgent } from '#core/agent/read'
import { redisPresence } from '#core/lock/presence'
import { createSession } from '#core/session/create'
import { NewSession } from '#core/session/session'
import { step } from '#core/step/step'
import { readTask } from '#core/task/read'
import { claimTask, failWork } from '#core/task/work'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, type Plant } from '../plant.ts'

let plant: Plant
const away = new Redis({
  ...{ port: 1, lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 0 },
  retryStrategy: () => null,
})
away.on('error', () => {})

beforeAll(async () => {
  plant = openPlant((await testDatabase()).url)
})
afterAll(async () => {
  away.disconnect()
  await plant.close()
})

const look = (presence: Plant['stepServices']['presence']) =>
  step({ ...plant.stepServices, presence }, [{ kind: 'tenant', tenant_id: plant.operator.tenant_id }])

/** A session of one task that an agent of its own has claimed. */
async function holding(name: string) {
  const capability = name.toUpperCase()
  const { worker } = await plant.register(name, [capability])
  const plan = planOf(['one'])
  for (const task of plan.tasks) task.capability = capability
  const input = NewSession.parse({ title: 'x', prompt: 'x', plan, start: true })
  await createSession(plant.services, plant.operator, input)
  await plant.settle()
  return { worker, capability, ...(await claimNext(worker)) }
}

async function claimNext(worker: Worker) {
  const item = (await readInbox(plant.services, worker, 0)).at(-1)
  const [id, attempt] = [item?.task_id ?? '', item?.attempt ?? 0]
  await claimTask(plant.services, worker, id, attempt, true)
  await plant.settle()
  return { id, attempt }
}

it('Redis away kills nobody: the same look with a Redis that knows them silent does', async () => {
  const { worker, id } = await holding('lonely')
  await look(redisPresence(away, { ttl_ms: 1 }))
  await plant.settle()
  expect((await readAgent(plant.services, plant.operator, worker.agent_id)).state).toBe('ONLINE')
  expect(await readTask(plant.services, plant.operator, id)).toMatchObject({ state: 'RUNNING', losses: 0 })

  await look({ ...plant.stepServices.presence, alive: async () => new Set() })
  await plant.settle()
  expect((await readAgent(plant.services, plant.operator, worker.agent_id)).state).toBe('OFFLINE')
  expect(await readTask(plant.services, plant.operator, id)).toMatchObject({ state: 'READY', losses: 1 })
})

it('a task that goes unnamed while Redis is away is not lost: nobody can count how often', async () => {
  const { worker, id } = await holding('unnamed')
  const body = { holding: [], repositories: [] }
  const blind = { ...plant.services, presence: redisPresence(away, { ttl_ms: 1 }) }
  for (let i = 0; i < 4; i++) await heartbeat(blind, worker, body)
  expect(await readTask(plant.services, plant.operator, id)).toMatchObject({ state: 'RUNNING', losses: 0 })

  const counting = { ...plant.services.presence, missed: async () => new Map([[`${id}:1`, 2]]) }
  await heartbeat({ ...plant.services, presence: counting }, worker, body)
  expect(await readTask(plant.services, plant.operator, id)).toMatchObject({ losses: 1 })
})

it('a name registered again takes over cleanly: one agent, its slots its own, the old attempt refused', async () => {
  const { worker, id, attempt, capability } = await holding('again')
  const again = await plant.register('again', [capability])
  expect(again.worker.agent_id).toBe(worker.agent_id)
  await plant.settle()
  const offered = await readTask(plant.services, plant.operator, id)
  expect(offered).toMatchObject({ state: 'ASSIGNED', attempt: attempt + 1, losses: 1 })
  expect(await readAgent(plant.services, plant.operator, worker.agent_id)).toMatchObject({
    ...{ state: 'ONLINE', active: 1, finished: 0 },
  })
  const failure = { batch: 0, code: 'check_failed', message: 'no', retryable: true } as const
  await expect(failWork(plant.services, worker, id, { attempt, ...failure })).rejects.toMatchObject({
    code: 'stale_attempt',
  })
  await claimNext(again.worker)
  expect(await readTask(plant.services, plant.operator, id)).toMatchObject({ state: 'RUNNING' })
})
