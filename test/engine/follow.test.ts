import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Worker } from '#core/actor'
import { readInbox } from '#core/agent/inbox'
import { openDatabase, type Statement } from '#core/database/database'
import { createSession } from '#core/session/create'
import { NewSession } from '#core/session/session'
import { followAll } from '#core/step/follow'
import { claimTask, completeWork } from '#core/task/work'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, type Plant } from '../plant.ts'

const finished = {
  ...{ summary: 'Done.', commit: 'a'.repeat(40), base_commit: null, artifact_id: null },
  ...{ patch_artifact_id: null, diff: null, checks: [] },
}

let url: string
let plant: Plant

beforeEach(async () => {
  url = (await testDatabase()).url
  plant = openPlant(url, { automatic: false })
})
afterEach(() => plant.close())

const query = <Row extends object>(text: string, ...values: unknown[]) =>
  plant.engine.query<Row>(null, { name: '', text, values })

async function begin(...keys: Parameters<typeof planOf>) {
  const input = { title: 'Goal', prompt: 'Reach it.', plan: planOf(...keys), start: true }
  const { id } = await createSession(plant.services, plant.operator, NewSession.parse(input))
  await plant.settle()
  return id
}

async function register(name: string, capacity: number) {
  const { worker } = await plant.register(name, ['CODE_GENERATION', 'INTEGRATION'], capacity)
  await plant.settle()
  return worker
}

async function tasksOf(id: string) {
  const rows = await query<{ key: string; state: string; agent_id: string | null }>(
    'select key, state, agent_id from task where session_id = $1 order by id',
    id,
  )
  return new Map(rows.map((row) => [row.key, row]))
}

const stateOf = async (id: string, key: string) => (await tasksOf(id)).get(key)?.state

/** How often a session was stored, and how many pages, checkpoints and taken slots there are. */
async function countsOf(id: string) {
  const [row] = await query<{ version: number; pages: number; checkpoints: number; active: number }>(
    `select version, checkpoint_number as checkpoints,
       (select count(*)::int from event_page where session_id = s.id) as pages,
       (select sum(active)::int from agent) as active
     from session s where id = $1`,
    id,
  )
  if (!row) throw new Error(`no session ${id}`)
  return row
}

async function claimNext(worker: Worker) {
  const [item] = await readInbox(plant.services, worker, 0)
  if (!item?.task_id || !item.attempt) throw new Error('nothing is offered')
  await query('delete from inbox where id = $1', item.id)
  await claimTask(plant.services, worker, item.task_id, item.attempt, true)
  return { id: item.task_id, attempt: item.attempt }
}

type Held = Awaited<ReturnType<typeof claimNext>>

const handIn = (worker: Worker, { id, attempt }: Held, services = plant.services) =>
  completeWork(services, worker, id, { attempt, batch: 0, ...finished })

describe('a hand-in', () => {
  it('and what follows from it are one commit: the slot goes on to the next task', async () => {
    const worker = await register('one', 1)
    const id = await begin(['first'], ['second', 'first'])
    const held = await claimNext(worker)
    const before = await countsOf(id)
    await handIn(worker, held)
    const after = await countsOf(id)
    expect(after).toEqual({
      version: before.version + 1,
      pages: before.pages + 1,
      checkpoints: before.checkpoints + 1,
      active: 1,
    })
    const [offer] = await readInbox(plant.services, worker, 0)
    const second = (await tasksOf(id)).get('second')
    expect(second).toMatchObject({ state: 'ASSIGNED', agent_id: worker.agent_id })
    expect(offer).toMatchObject({ kind: 'OFFER', attempt: 1 })
  })

  it('completes a session of which it was the last', async () => {
    const worker = await register('last', 1)
    const id = await begin(['only'])
    await handIn(worker, await claimNext(worker))
    await handIn(worker, await claimNext(worker))
    expect(await query('select state, wake_at from session where id = $1', id)).toEqual([
      { state: 'COMPLETED', wake_at: null },
    ])
    expect((await countsOf(id)).active).toBe(0)
  })

  it('leaves the slot to whose turn it is while others wait for one', async () => {
    const worker = await register('busy', 1)
    const mine = await begin(['first'], ['second', 'first'])
    const other = await begin(['first'])
    expect(await stateOf(other, 'first')).toBe('READY')
    await handIn(worker, await claimNext(worker))
    expect(await stateOf(mine, 'second')).toBe('READY')
    await plant.settle()
    expect(await stateOf(other, 'first')).toBe('ASSIGNED')
    expect(await stateOf(mine, 'second')).toBe('READY')
  })

  it('goes on past a task that nobody here can take', async () => {
    const worker = await register('able', 1)
    const stuck = await begin(['first'])
    await query(`update task set capability = 'DESIGN' where session_id = $1 and state = 'READY'`, stuck)
    await query(
      `update task set waiting = '{"reason": "no_agent", "sentence": "", "since": "", "until": null}',
         state = 'READY', capability = 'DESIGN', agent_id = null where session_id = $1`,
      stuck,
    )
    await query('update agent set active = 0')
    await query('delete from inbox')
    const id = await begin(['first'], ['second', 'first'])
    await handIn(worker, await claimNext(worker))
    expect(await stateOf(id, 'second')).toBe('ASSIGNED')
  })

  it('lets a queued session in as soon as it has ended its own', async () => {
    await query('update tenant set max_running_sessions = 1')
    const worker = await register('quota', 1)
    const first = await begin(['only'])
    const second = await begin(['only'])
    await handIn(worker, await claimNext(worker))
    await handIn(worker, await claimNext(worker))
    expect(await query('select state from session where id = $1', first)).toEqual([{ state: 'COMPLETED' }])
    await plant.settle()
    expect(await query('select state from session where id = $1', second)).toEqual([{ state: 'RUNNING' }])
  })

  it('hands nothing to an agent that gives no sign of life', async () => {
    const worker = await register('quiet', 1)
    const id = await begin(['first'], ['second', 'first'])
    const held = await claimNext(worker)
    const { agent_id } = await register('lively', 1)
    plant.silent.add(worker.agent_id)
    await handIn(worker, held)
    expect((await tasksOf(id)).get('second')).toMatchObject({ state: 'ASSIGNED', agent_id })
  })

  it('of an agent on probation that holds more than one passes no slot on', async () => {
    const worker = await register('probation', 2)
    const id = await begin(['first'], ['beside'], ['second', 'first'])
    const [one, two] = [await claimNext(worker), await claimNext(worker)]
    await query(`update agent set recent = '00000'`)
    await handIn(worker, one)
    expect(await stateOf(id, 'second')).toBe('READY')
    expect((await countsOf(id)).active).toBe(1)
    await handIn(worker, two)
    await plant.settle()
    expect((await countsOf(id)).active).toBe(1)
  })

  it('is recorded alone when another gets in between, and the engine goes on from there', async () => {
    const worker = await register('fenced', 1)
    const id = await begin(['first'], ['second', 'first'])
    const held = await claimNext(worker)
    const app = openDatabase({ url, role: 'app', max: 1 })
    const meddled = {
      ...app,
      async query<Row extends object>(tenant_id: string | null, statement: Statement) {
        if (statement.name === 'commit')
          await query('update session set version = version + 1 where id = $1', id)
        return app.query<Row>(tenant_id, statement)
      },
    }
    const { presence } = plant.services
    const outcomes: unknown[] = []
    await handIn(worker, held, {
      ...plant.services,
      async follow(tenant_id, said) {
        const [outcome = 'alone'] = await followAll({ database: meddled, presence }, tenant_id, [said])
        outcomes.push(outcome)
        return outcome
      },
    })
    expect(outcomes).toEqual(['alone'])
    expect([await stateOf(id, 'first'), await stateOf(id, 'second')]).toEqual(['COMPLETED', 'BLOCKED'])
    await plant.settle()
    expect(await stateOf(id, 'second')).toBe('ASSIGNED')
    await app.end()
  })

  it('of two tasks of one session at once follows the one and records the other', async () => {
    const worker = await register('both', 2)
    const id = await begin(['left'], ['right'], ['after', 'left', 'right'])
    const [left, right] = [await claimNext(worker), await claimNext(worker)]
    await Promise.all([handIn(worker, left), handIn(worker, right)])
    await plant.settle()
    expect(await stateOf(id, 'after')).toBe('ASSIGNED')
    expect((await countsOf(id)).active).toBe(1)
  })
})
