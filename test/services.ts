import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { migrate } from '#core/database/migrate'
import { startPostgres } from '#local/services/postgres'
import { startRedis } from '#local/services/redis'

const migrations = join(import.meta.dirname, '../core/migrations')
const deadlineMs = 60_000

/**
 * Vitest's global set-up: a real PostgreSQL and a Redis-compatible server for the whole run, embedded unless
 * DATABASE_URL and REDIS_URL name others; and one migrated database that every test file copies.
 */
export async function setup() {
  const data = mkdtempSync(join(tmpdir(), 'orchestrator-test-'))
  const postgres = await startPostgres({ external: process.env.DATABASE_URL, data, port: 0, deadlineMs })
  const redis = await startRedis({ external: process.env.REDIS_URL, data, port: 0, deadlineMs })
  const template = `orchestrator_template_${process.pid}`
  await admin(postgres.url, `create database ${template}`)
  await migrate({ url: withDatabase(postgres.url, template), folder: migrations })
  process.env.TEST_POSTGRES_URL = postgres.url
  process.env.TEST_POSTGRES_TEMPLATE = template
  process.env.TEST_REDIS_URL = redis.url
  return async () => {
    await admin(postgres.url, `drop database ${template} with (force)`)
    await redis.stop()
    await postgres.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

/** The same server, another database. */
export function withDatabase(url: string, name: string) {
  const address = new URL(url)
  address.pathname = `/${name}`
  return address.href
}

/** Runs one statement as the owner. */
export async function admin(url: string, sql: string) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
