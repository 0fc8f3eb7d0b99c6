import { randomBytes } from 'node:crypto'
import { afterAll } from 'vitest'
import { admin, withDatabase } from './services.ts'

function given(name: string) {
  const value = process.env[name]
  if (!value)
    throw new Error(`${name} is not set: run the tests with vitest, whose set-up starts the services.`)
  return value
}

/** A fresh migrated database for a test file, dropped after it; its url is the owner's. */
export async function testDatabase() {
  const server = given('TEST_POSTGRES_URL')
  const name = `orchestrator_test_${randomBytes(6).toString('hex')}`
  await admin(server, `create database ${name} template ${given('TEST_POSTGRES_TEMPLATE')}`)
  afterAll(() => admin(server, `drop database if exists ${name} with (force)`))
  return { url: withDatabase(server, name) }
}

/** The Redis of the run. Files share it: keys hold ids, which never meet. */
export function testRedisUrl() {
  return given('TEST_REDIS_URL')
}
