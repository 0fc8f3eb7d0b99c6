import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultTenant, type Worker } from '#core/actor'
import { drainAgent } from '#core/agent/control'
import { readInbox } from '#core/agent/inbox'
import { readAgent } from '#core/agent/read'
import { type Priority, priorities, turnOf } from '#core/priority'
import { patchSession } from '#core/session/control'
import { createSession } from '#core/session/create'
import { NewSession } from '#core/session/session'
import { claimTask, completeWork, failWork } from '#core/task/work'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, operatorOf, type Plant } from '../plant.ts'
import { admin } from '../services.ts'

const other = 'ten_00000000000000000000000007'
let plant: Plant
let url: string

beforeAll(async () => {
  url = (await testDatabase()).url
  plant = openPlant(url, { automatic: false })
})
afterAll(() => plant.close())

const query = <Row extends object>(text: string, values: unknown[] = []) =>
  plant.engine.query<Row>(null, { name: '', text, values })
const tenantWake = { kind: 'tenant', tenant_id: defaultTenant } as const

/** A session that runs, its tasks READY. */
async function begin(capability: string, count: number, priority: Priority = 'MEDIUM') {
  const plan = planOf(...Array.from({ length: count }, (_, i): [string] => [`t${i}`]))
  for (const task of plan.tasks) task.capability = capability
  const input = NewSession.parse({ title: 'x', prompt: 'x', plan, priority, start: true })
  const { id } = await createSession(plant.services, plant.operator, input)
  await plant.settle()
  return id
}

/** As if the tasks of a session had waited for so long. */
const waited = (id: string, minutes: number) =>
  query(`update task set ready_at = now() - make_interval(mins => $2::int) where session_id = $1::text`, [
    id,
    minutes,
  ])

const statesOf = async (id: string) =>
  (await query<{ state: string }>('select state from task where session_id = $1::text', [id])).map(
    ({ state }) => state,
  )

async function offersOf(worker: Worker) {
  const items = await readInbox(plant.services, worker, 0)
  return items.flatMap(({ kind, task_id, attempt }) =>
    kind === 'OFFER' && task_id && attempt ? [{ id: task_id, attempt }] : [],
  )
}

const finished = {
  ...{ summary: '', commit: null, base_commit: null, artifact_id: null, patch_artifact_id: null },
  ...{ diff: null, checks: [], batch: 0 },
}

describe('whose turn it is', () => {
  it('is the same number here and in Postgres', async () => {
    for (const since of ['2030-01-01T00:00:00.000Z', '2030-03-31T01:30:00.123Z']) {
      for (const priority of priorities) {
        const [row] = await query<{ turn: number }>(
          `select (extract(epoch from turn_at($1::priority, $2::timestamptz)) * 1000)::float8 as turn`,
          [priority, since],
        )
        expect(row?.turn).toBe(turnOf(priority, since))
      }
    }
  })

  it('comes for a LOW task that has waited, however many CRITICAL ones are new', async () => {
    const low = await begin('TURN', 1, 'LOW')
    await begin('TURN', 700, 'CRITICAL')
    await begin('TURN', 700, 'CRITICAL')
    await waited(low, 16)
    await plant.register('turn', ['TURN'])
    await plant.settle()
    expect(await statesOf(low)).toEqual(['ASSIGNED'])
  })

  it('comes for what somebody can do, however much waits before it for agents that are busy', async () => {
    await plant.register('busy', ['FULL'])
    const full = [await begin('FULL', 700), await begin('FULL', 700)]
    for (const id of full) await waited(id, 60)
    const other = await begin('OTHER', 1)
    await plant.register('other', ['OTHER'])
    await plant.settle()
    expect(await statesOf(other)).toEqual(['ASSIGNED'])
  })
})

describe('admission', () => {
  const queue = async (priority: Priority, minutes: number, tenant_id = defaultTenant) => {
    const input = NewSession.parse({ title: 'x', prompt: 'x', priority, start: true })
    const { id } = await createSession(plant.services, operatorOf(tenant_id), input)
    const text = 'update session set queued_at = now() - make_interval(mins => $2::int) where id = $1::text'
    await query(text, [id, minutes])
    return id
  }
  const allow = (places: number, tenant_id = defaultTenant) =>
    query(
      `update tenant t set max_running_sessions = $2::int + (
         select count(*)::int from session s where s.tenant_id = t.id and s.state in ('RUNNING', 'PAUSING'))
       where id = $1::text`,
      [tenant_id, places],
    )
  const stateOf = async (id: string) =>
    (await query<{ state: string }>('select state from session where id = $1::text', [id]))[0]?.state

  it('lets age win over priority where the queue is longer than there are places', async () => {
    const low = await queue('LOW', 16)
    const urgent = [await queue('CRITICAL', 0), await queue('CRITICAL', 0)]
    const old = await queue('LOW', 14)
    await allow(1)
    await plant.look([tenantWake])
    expect(await stateOf(low)).toBe('RUNNING')
    await allow(2)
    await plant.look([tenantWake])
    for (const id of urgent) expect(await stateOf(id)).toBe('RUNNING')
    expect(await stateOf(old)).toBe('QUEUED')
  })

  it('gives the places of a tenant to its own queue', async () => {
    await admin(url, `insert into tenant (id, name) values ('${other}', 'other')`)
    for (let i = 0; i < 3; i++) await queue('CRITICAL', 60)
    await allow(0)
    const theirs = await queue('LOW', 0, other)
    await allow(1, other)
    await plant.look([tenantWake, { kind: 'tenant', tenant_id: other }])
    expect(await stateOf(theirs)).toBe('RUNNING')
    await allow(200)
  })
})

describe('a task that waits', () => {
  it('takes the new priority of its session', async () => {
    const id = await begin('HURRY', 2, 'LOW')
    await patchSession(plant.services, plant.operator, id, { priority: 'CRITICAL' }, null)
    const text = 'select distinct priority from task where session_id = $1::text'
    expect(await query(text, [id])).toEqual([{ priority: 'CRITICAL' }])
  })

  it('goes to the agent that did what it depends on, also when the fleet wakes it and not its session', async () => {
    const other = await plant.register('near-other', ['NEAR'])
    const doer = await plant.register('near-doer', ['NEAR'])
    await drainAgent(plant.services, plant.operator, other.agent.id)
    const plan = planOf(['one'], ['two', 'one'])
    for (const task of plan.tasks) task.capability = 'NEAR'
    const input = NewSession.parse({ title: 'x', prompt: 'x', plan, start: true })
    const { id } = await createSession(plant.services, plant.operator, input)
    await plant.settle()
    const [offer = { id: '', attempt: 0 }] = await offersOf(doer.worker)
    await claimTask(plant.services, doer.worker, offer.id, offer.attempt, true)
    await drainAgent(plant.services, plant.operator, doer.agent.id)
    await completeWork(plant.services, doer.worker, offer.id, { attempt: 1, ...finished })
    await plant.settle()
    await plant.register('near-other', ['NEAR'])
    await plant.register('near-doer', ['NEAR'])
    // Nothing but nearness tells them apart.
    await query(`update agent set proven = '{}'`)
    await plant.look([tenantWake])
    const text = `select agent_id from task where session_id = $1::text and key = 'two'`
    expect(await query(text, [id])).toEqual([{ agent_id: doer.agent.id }])
  })
})

describe('what an agent has proved', () => {
  const provenOf = async (id: string) =>
    (await query<{ proven: Record<string, string> }>('select proven from agent where id = $1::text', [id]))[0]
      ?.proven

  it('is counted for each capability by the commit that ends an attempt, the last 50', async () => {
    const { worker } = await plant.register('prover', ['PROVE_A', 'PROVE_B'], 4)
    await query(`update agent set proven = '{"PROVE_A": "${'1'.repeat(50)}"}' where id = $1::text`, [
      worker.agent_id,
    ])
    await begin('PROVE_A', 1)
    await begin('PROVE_B', 2)
    await plant.settle()
    for (const [i, { id, attempt }] of (await offersOf(worker)).entries()) {
      const { task } = await claimTask(plant.services, worker, id, attempt, true)
      const fault = { code: 'check_failed', message: 'exit 1', retryable: false } as const
      const isGood = task.capability === 'PROVE_B' && i === 1
      if (isGood) await completeWork(plant.services, worker, id, { attempt, ...finished })
      else await failWork(plant.services, worker, id, { attempt, batch: 0, ...fault })
    }
    const { PROVE_A, PROVE_B, ...rest } = (await provenOf(worker.agent_id)) ?? {}
    expect(PROVE_A).toBe(`${'1'.repeat(49)}0`)
    expect(PROVE_B).toBe('10')
    expect(rest).toEqual({})
    const view = await readAgent(plant.services, plant.operator, worker.agent_id)
    expect(view).toMatchObject({ finished: 3, succeeded: 1, success_rates: { PROVE_A: 0.98, PROVE_B: 0.5 } })
  })

  it('is counted once for each attempt that ends in one flight', async () => {
    const { worker } = await plant.register('flier', ['FLY'], 8)
    for (let i = 0; i < 8; i++) await begin('FLY', 1)
    await plant.settle()
    const offers = await offersOf(worker)
    for (const { id, attempt } of offers) await claimTask(plant.services, worker, id, attempt, true)
    await Promise.all(
      offers.map(({ id, attempt }) => completeWork(plant.services, worker, id, { attempt, ...finished })),
    )
    expect(await provenOf(worker.agent_id)).toEqual({ FLY: '11111111' })
  })

  it('outlives its process, but not a capability that it no longer offers', async () => {
    const { agent } = await plant.register('changing', ['KEEP', 'DROP'])
    await query(`update agent set proven = '{"KEEP": "1", "DROP": "0"}' where id = $1::text`, [agent.id])
    await plant.register('changing', ['KEEP', 'NEW'])
    expect(await provenOf(agent.id)).toEqual({ KEEP: '1' })
  })
})
