import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '#core/database/database'
import { readDemand } from '#core/fleet/demand'
import { createSession } from '#core/session/create'
import { NewSession } from '#core/session/session'
import { sweep } from '#core/sweep/sweep'
import type { Wake } from '#core/wake/wake'
import { schedules } from '#infra/wiring'
import { testDatabase } from '../database.ts'
import { openPlant, type Plant } from '../plant.ts'

let plant: Plant
let url: string

beforeAll(async () => {
  url = (await testDatabase()).url
  plant = openPlant(url, { automatic: false })
})
afterAll(() => plant.close())

const run = (text: string, values: unknown[] = []) => plant.engine.query(null, { name: '', text, values })
const overdue = () =>
  plant.engine.query<{ id: string }>(null, {
    name: '',
    text: 'select id from session where wake_at <= now() order by id',
    values: [],
  })

describe('the sweep', () => {
  it('claims each overdue row once, with two sweeps at a time', async () => {
    const input = NewSession.parse({ title: 'x', prompt: 'x' })
    const made = await Promise.all(
      Array.from({ length: 60 }, () => createSession(plant.services, plant.operator, input)),
    )
    const due = made.slice(0, 50).map(({ id }) => id)
    await run(`update session set wake_at = now() - interval '1 second' where id = any($1)`, [due])
    await run(`update session set wake_at = now() + interval '1 hour' where id = $1`, [made[50]?.id])
    await run('update tenant set wake_at = now()')
    const second = openDatabase({ url, role: 'engine', max: 2 })
    const sent: Wake[] = []
    const wake = async (wakes: Wake[]) => void sent.push(...wakes)
    const swept = await Promise.all([
      sweep({ database: plant.engine, wake }),
      sweep({ database: second, wake }),
    ])
    await second.end()
    const sessions = sent.flatMap((one) => (one.kind === 'session' ? [one.session_id] : []))
    expect(sessions.sort()).toEqual([...due].sort())
    expect(sent.filter(({ kind }) => kind === 'tenant')).toEqual([
      { kind: 'tenant', tenant_id: plant.operator.tenant_id },
    ])
    expect(swept.reduce((sum, one) => sum + one.sessions, 0)).toBe(50)
    expect(await overdue()).toEqual([])
  })

  it('goes on until nothing is overdue, past one batch', async () => {
    await run(`insert into session (tenant_id, id, title, prompt, priority, budget, labels, state, usage, wake_at)
      select tenant_id, 'bulk_' || n, title, prompt, priority, budget, labels, state, usage, now()
      from (select * from session limit 1) s, generate_series(1, 1200) n`)
    expect(await sweep({ database: plant.engine, wake: async () => {} })).toEqual({
      sessions: 1_200,
      tenants: 0,
    })
    expect(await overdue()).toEqual([])
  })

  it('sends again at its next turn what its queue has swallowed', async () => {
    await run(`update session set wake_at = now() where id = 'bulk_3'`)
    expect((await sweep({ database: plant.engine, wake: async () => {} })).sessions).toBe(1)
    const early = schedules.sweep.every_seconds - 10
    const [row] = await plant.engine.query<{ due: boolean }>(null, {
      name: '',
      text: `select wake_at <= now() + make_interval(secs => $1) as due from session where id = 'bulk_3'`,
      values: [early],
    })
    expect(row?.due).toBe(true)
    expect(await overdue()).toEqual([])
  })

  it('takes no row that a step or verb has locked, and waits for nobody', async () => {
    await run(`update session set wake_at = now() where id in ('bulk_1', 'bulk_2')`)
    const swept = await plant.engine.transaction(plant.operator.tenant_id, async (query) => {
      await query({ name: '', text: `select 1 from session where id = 'bulk_1' for update`, values: [] })
      return sweep({ database: plant.engine, wake: async () => {} })
    })
    expect(swept.sessions).toBe(1)
  })
})

describe('the demand for agents', () => {
  it('is what waits, and what agents hold that come and go with it', async () => {
    const before = await readDemand(plant.engine)
    const { agent: own } = await plant.register('own', ['CODE_GENERATION'], 5)
    const { agent: elastic } = await plant.register('elastic', ['CODE_GENERATION'], 5)
    await run(`update agent set labels = '{elastic}' where id = $1`, [elastic.id])
    const give = (id: string, state: string, agent_id: string | null) =>
      run(
        `insert into task (tenant_id, id, session_id, key, kind, title, instruction, capability, depends_on, checks,
                           priority, state, agent_id, usage)
         select tenant_id, $1, id, $1, 'WORK', $1, $1, 'CODE_GENERATION', '{}', '[]', priority, $2, $3, '{}'
         from session limit 1`,
        [id, state, agent_id],
      )
    await give('waits', 'READY', null)
    await give('own', 'RUNNING', own.id)
    await give('elastic', 'RUNNING', elastic.id)
    await give('over', 'COMPLETED', elastic.id)
    expect(await readDemand(plant.engine)).toEqual({
      tasks_waiting: before.tasks_waiting + 1,
      tasks_in_need: before.tasks_in_need + 2,
    })
  })
})
