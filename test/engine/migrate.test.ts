import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrate } from '#core/database/migrate'
import { testDatabase } from '../database.ts'
import { admin, withDatabase } from '../services.ts'

const folder = join(import.meta.dirname, '../../core/migrations')
const name = `orchestrator_migrate_${process.pid}`
let server: string
let url: string
let extra: string

beforeAll(async () => {
  server = (await testDatabase()).url
  await admin(server, `create database ${name}`)
  url = withDatabase(server, name)
  extra = mkdtempSync(join(tmpdir(), 'orchestrator-migrations-'))
})
afterAll(async () => {
  await admin(server, `drop database if exists ${name} with (force)`)
  rmSync(extra, { recursive: true, force: true })
})

async function rows(text: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

describe('migrations', () => {
  it('that several run at once are run once, and all of them come back', async () => {
    const ran = await Promise.all(Array.from({ length: 4 }, () => migrate({ url, folder })))
    expect(ran.flat().sort()).toEqual(readdirSync(folder).sort())
    expect(await rows('select id from tenant')).toHaveLength(1)
  })

  it('do nothing the second time', async () => {
    const before = await rows('select name, ran_at from migration')
    expect(await migrate({ url, folder })).toEqual([])
    expect(await rows('select name, ran_at from migration')).toEqual(before)
  })

  it('run in the order of their names, and one that fails leaves nothing behind', async () => {
    writeFileSync(join(extra, '0003-bad.sql'), 'create table half (id int); select nonsense')
    writeFileSync(join(extra, '0002-good.sql'), 'create table whole (id int)')
    writeFileSync(join(extra, 'notes.txt'), 'not sql')
    await expect(migrate({ url, folder: extra })).rejects.toThrow(/nonsense/)
    expect(await rows(`select to_regclass('half') as half, to_regclass('whole') as whole`)).toEqual([
      { half: null, whole: 'whole' },
    ])
    writeFileSync(join(extra, '0003-bad.sql'), 'create table half (id int)')
    expect(await migrate({ url, folder: extra })).toEqual(['0003-bad.sql'])
  })
})
