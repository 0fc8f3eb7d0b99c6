import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultTenant } from '#core/actor'
import { createPool } from '#core/database/pool'
import { createSession } from '#core/session/create'
import { readSession } from '#core/session/read'
import { NewSession } from '#core/session/session'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, operatorOf, type Plant } from '../plant.ts'
import { admin } from '../services.ts'

const other = 'ten_00000000000000000000000001'
const tables = [
  'session',
  'task',
  'agent',
  'inbox',
  'event_page',
  'checkpoint',
  'message',
  'artifact',
  'approval',
  'audit',
  'token_day',
  'api_key',
]
let url: string
let plant: Plant
let theirs: string
let app: pg.Pool

beforeAll(async () => {
  url = (await testDatabase()).url
  await admin(url, `insert into tenant (id, name) values ('${other}', 'other')`)
  plant = openPlant(url)
  app = createPool({ url, role: 'app', max: 1 })
  const input = NewSession.parse({ title: 'x', prompt: 'x', plan: planOf(['one']), start: true })
  theirs = (await createSession(plant.services, operatorOf(other), input)).id
  await createSession(plant.services, plant.operator, input)
  await plant.register('mine', ['CODE_GENERATION'])
  await plant.settle()
})
afterAll(async () => {
  await app.end()
  await plant.close()
})

const query = <Row extends object>(tenant_id: string, text: string, values: unknown[] = []) =>
  plant.services.database.query<Row>(tenant_id, { name: '', text, values })

describe('the role of the api', () => {
  it('sees its own tenant only, even with no WHERE', async () => {
    for (const table of tables) {
      const rows = await query<{ tenant_id: string }>(defaultTenant, `select tenant_id from ${table}`)
      expect(
        rows.filter(({ tenant_id }) => tenant_id !== defaultTenant),
        table,
      ).toEqual([])
    }
    expect(await query(other, 'select id from session')).toEqual([{ id: theirs }])
    expect(await query(other, 'select id from tenant')).toEqual([{ id: other }])
    expect(await query(other, 'select id from agent')).toEqual([])
  })

  it('changes and deletes its own tenant’s rows only', async () => {
    await query(defaultTenant, `update session set title = 'taken'`)
    await query(defaultTenant, `delete from task where session_id = $1`, [theirs])
    const session = await readSession(plant.services, operatorOf(other), theirs)
    expect(session).toMatchObject({ title: 'x', tasks: { total: 1 } })
  })

  it('cannot write a row for another tenant, nor hand one over', async () => {
    const denied = { code: '42501' }
    const insert = `insert into message (tenant_id, id, session_id, text) values ($1, 'm', $2, 'x')`
    await expect(query(defaultTenant, insert, [other, theirs])).rejects.toMatchObject(denied)
    const handOver = `update session set tenant_id = $1`
    await expect(query(defaultTenant, handOver, [other])).rejects.toMatchObject(denied)
  })

  it('finds nothing by id of another tenant', async () => {
    await expect(readSession(plant.services, plant.operator, theirs)).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it('is never used without a tenant', async () => {
    const statement = { name: '', text: 'select 1', values: [] }
    const asked = plant.services.database.query(null, statement)
    await expect(asked).rejects.toMatchObject({ code: 'internal' })
  })

  it('sees nothing where no tenant was set, and a pooled connection carries none over', async () => {
    const client = await app.connect()
    try {
      await client.query(`begin; select set_config('app.tenant', '${other}', true)`)
      expect((await client.query('select id from session')).rowCount).toBe(1)
      await client.query('commit')
      for (const table of [...tables, 'tenant'])
        expect((await client.query(`select 1 from ${table}`)).rowCount, table).toBe(0)
    } finally {
      client.release()
    }
  })

  it('cannot turn row-level security off, alter a table, or read what has none', async () => {
    await expect(app.query('set row_security = off; select 1 from session')).rejects.toThrow(
      /row-level security/,
    )
    await app.query('set row_security = on')
    for (const text of [
      'alter table session disable row level security',
      'drop policy app on session',
      'create table mine (id int)',
      'select name from migration',
      'truncate session',
    ])
      await expect(app.query(text), text).rejects.toMatchObject({ code: '42501' })
  })
})

describe('both roles', () => {
  it('own nothing, cannot log in, and obey row-level security', async () => {
    const owner = new pg.Client({ connectionString: url })
    await owner.connect()
    try {
      const { rows: roles } = await owner.query(
        `select rolname, rolsuper, rolbypassrls, rolcanlogin from pg_roles where rolname like 'orchestrator\\_%'`,
      )
      const powerless = { rolsuper: false, rolbypassrls: false, rolcanlogin: false }
      expect(roles).toMatchObject([powerless, powerless])
      const { rows: owned } = await owner.query(
        `select relname from pg_class where pg_get_userbyid(relowner) like 'orchestrator\\_%'`,
      )
      expect(owned).toEqual([])
      const { rows: open } = await owner.query(
        `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'public' and c.relkind = 'r' and not c.relrowsecurity`,
      )
      expect(open).toEqual([{ relname: 'migration' }])
    } finally {
      await owner.end()
    }
  })

  it('meet no tenant-less table: each row has its tenant', async () => {
    const rows = await plant.engine.query<{ relname: string }>(null, {
      name: '',
      text: `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = 'public' and c.relkind = 'r' and c.relname not in ('migration', 'tenant')
               and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'
                               and a.attnotnull)`,
      values: [],
    })
    expect(rows).toEqual([])
  })
})
