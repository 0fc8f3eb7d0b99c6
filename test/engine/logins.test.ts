import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ensureLogins } from '#core/database/logins'
import { migrate } from '#core/database/migrate'
import { testDatabase } from '../database.ts'
import { admin, withDatabase } from '../services.ts'

const folder = join(import.meta.dirname, '../../core/migrations')
const name = `orchestrator_logins_${process.pid}`
const login = `app_login_${process.pid}`
let server: string
let url: string

beforeAll(async () => {
  server = (await testDatabase()).url
  await admin(server, `create database ${name}`)
  url = withDatabase(server, name)
  await migrate({ url, folder })
})
afterAll(async () => {
  await admin(server, `drop database if exists ${name} with (force)`)
  await admin(server, `drop role if exists ${login}`)
})

async function as(password: string, text: string) {
  const address = new URL(url)
  address.username = login
  address.password = password
  const client = new pg.Client({ connectionString: address.href, options: '-c role=orchestrator_app' })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

it("a role's login acts as its role, and cannot become the other or the owner", async () => {
  await ensureLogins({ url, logins: [{ login, role: 'app', password: "it's one" }] })
  expect(await as("it's one", 'select current_user as who')).toEqual([{ who: 'orchestrator_app' }])
  expect(await as("it's one", 'select id from session')).toEqual([])
  await expect(as("it's one", 'set role orchestrator_engine')).rejects.toThrow(/permission denied/)
  await expect(as("it's one", 'reset role; drop table session')).rejects.toThrow(/must be owner/)
})

it('a login that is there gets the password that is given now', async () => {
  await ensureLogins({ url, logins: [{ login, role: 'app', password: 'another' }] })
  expect(await as('another', 'select 1 as one')).toEqual([{ one: 1 }])
})
