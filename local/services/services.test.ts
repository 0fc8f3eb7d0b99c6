import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { afterAll, expect, test } from 'vitest'
import { temporaryFolder } from '../fixtures.ts'
import { waitFor } from '../wait.ts'
import { startPostgres } from './postgres.ts'
import { findPlace } from './postgres-place.ts'
import { readPostmaster } from './postmaster.ts'
import { startRedis } from './redis.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
const common = { data: folder.path, port: 0, deadlineMs: 20_000 }

test('a PostgreSQL ends with the process that started it, also when that is killed', async () => {
  const other = temporaryFolder()
  const module = join(import.meta.dirname, 'postgres.ts')
  const code = `const { startPostgres } = await import(${JSON.stringify(module)})
    await startPostgres(${JSON.stringify({ ...common, data: other.path })})
    process.stdout.write('up')
    setInterval(() => {}, 1000)`
  const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(parent.stdout, 'data', { signal: AbortSignal.timeout(common.deadlineMs) })
  const { cluster } = findPlace(other.path)
  expect(readPostmaster(cluster)?.ready).toBe(true)
  parent.kill('SIGKILL')
  await waitFor('the end of PostgreSQL', 10_000, () => (readPostmaster(cluster) === null ? true : null))
  other.remove()
})

test('a PostgreSQL that is still there is adopted, and the same data is there', async () => {
  const first = await startPostgres(common)
  // As right after kill -9: nobody stopped the first one.
  const second = await startPostgres(common)
  expect(second.url).toBe(first.url)
  expect(second.note).toContain('adopted')
  await second.stop()
  await first.stop()
})

test('a PostgreSQL that is killed comes back on its port with what was committed', async () => {
  const service = await startPostgres(common)
  const ask = async (sql: string): Promise<unknown[]> => {
    const client = new Client({ connectionString: service.url })
    client.on('error', () => {})
    try {
      await client.connect()
      return (await client.query(sql)).rows
    } finally {
      await client.end().catch(() => {})
    }
  }
  await ask('create table kept as select 1 as one')
  const pid = Number(
    readFileSync(join(folder.path, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0],
  )
  process.kill(pid, 'SIGKILL')
  const rows = await waitFor('the table', 20_000, () => ask('select one from kept').catch(() => null), 100)
  expect(rows).toEqual([{ one: 1 }])
  await service.stop()
})

test('a Redis that is killed comes back on its port', async () => {
  const service = await startRedis(common)
  const pid = Number(readFileSync(join(folder.path, 'redis/pid'), 'utf8').split(' ')[0])
  const redis = new Redis(service.url)
  redis.on('error', () => {})
  await redis.ping()
  process.kill(pid, 'SIGKILL')
  const set = () => redis.set('a', 'b').catch(() => null)
  expect(await waitFor('the new server', 5_000, set)).toBe('OK')
  redis.disconnect()
  await service.stop()
})

test('a database that was given and does not answer is a clear error', async () => {
  const external = 'postgres://nobody@127.0.0.1:1/none'
  await expect(startPostgres({ ...common, external, deadlineMs: 1_000 })).rejects.toThrow(
    /DATABASE_URL is set/,
  )
})

test('without a Redis binary the server in JavaScript takes its place, on the loopback', async () => {
  const service = await startRedis({ ...common, binary: null })
  const redis = new Redis(service.url)
  expect(await redis.set('a', '1', 'PX', 1_000, 'NX')).toBe('OK')
  expect(await redis.eval('return redis.call("get", KEYS[1])', 1, 'a')).toBe('1')
  redis.disconnect()
  const { port } = new URL(service.url)
  const listing = spawn('ss', ['-Hltn', `sport = :${port}`], { stdio: ['ignore', 'pipe', 'ignore'] })
  const shown = await Promise.race([
    once(listing, 'error').then(() => ''),
    listing.stdout.toArray().then(String),
  ])
  if (shown !== '') expect(shown).toContain(`127.0.0.1:${port}`)
  await service.stop()
})
