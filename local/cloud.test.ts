import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { Context, SQSEvent } from 'aws-lambda'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anyPorts, type LocalCloud, startLocal } from './cloud.ts'
import { bareEnv, loadFrom, smallWiring, temporaryFolder } from './fixtures.ts'
import { waitFor } from './wait.ts'

const folder = temporaryFolder()
const stepped: string[] = []
const sweeps: unknown[] = []
const migrations: (string | undefined)[] = []

const start = (): Promise<LocalCloud> =>
  startLocal({
    data: folder.path,
    ports: anyPorts,
    env: bareEnv,
    workers: [],
    wiring: smallWiring,
    write: () => {},
    load: loadFrom({
      api: (_event, context: Context) => ({ statusCode: 200, body: context.functionName }),
      step: (event) => {
        const { Records } = event as SQSEvent
        stepped.push(...Records.map((record) => record.body))
      },
      sweep: (event) => sweeps.push(event),
      migrate: () => migrations.push(process.env.DATABASE_URL),
    }),
  })

const query = async (url: string, sql: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

describe('the local cloud', () => {
  let cloud: LocalCloud

  beforeAll(async () => {
    cloud = await start()
  })

  afterAll(async () => {
    await cloud.stop()
    folder.remove()
  })

  test('migrations run once at start, with the database already known', () => {
    expect(migrations).toEqual([cloud.environment.DATABASE_URL])
  })

  test('every service listens on the loopback and nowhere else', () => {
    const hosts = cloud.services.map(({ url }) => new URL(url).hostname)
    expect(new Set(hosts)).toEqual(new Set(['127.0.0.1']))
  })

  test('the database is a real PostgreSQL with fsync on', async () => {
    const url = cloud.environment.DATABASE_URL ?? ''
    expect(await query(url, 'show fsync')).toEqual([{ fsync: 'on' }])
    expect(await query(url, 'show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }])
  })

  test('a lock in Redis is taken once', async () => {
    const redis = new Redis(cloud.environment.REDIS_URL ?? '')
    expect(await redis.set('lock', 'a', 'PX', 5_000, 'NX')).toBe('OK')
    expect(await redis.set('lock', 'b', 'PX', 5_000, 'NX')).toBeNull()
    redis.disconnect()
  })

  test('the tables of the wiring exist', async () => {
    const client = new DynamoDBClient({})
    const { Table } = await client.send(new DescribeTableCommand({ TableName: 'connections' }))
    expect(Table?.TableStatus).toBe('ACTIVE')
    client.destroy()
  })

  test('a message on the queue reaches the function behind it', async () => {
    const client = new SQSClient({})
    const QueueUrl = cloud.environment.QUEUE_STEPS_URL
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'look' }))
    await waitFor('the step', 5_000, () => (stepped.includes('look') ? true : null))
    client.destroy()
  })

  test('the schedule runs at the start', () => {
    expect(sweeps).toHaveLength(1)
    expect(sweeps[0]).toMatchObject({ source: 'aws.events', 'detail-type': 'Scheduled Event' })
  })

  test('HTTP reaches the api function', async () => {
    const answer = await fetch(`${cloud.api}/anything`)
    expect([answer.status, await answer.text()]).toEqual([200, 'api'])
  })

  test('a second instance on the same folder is refused', async () => {
    await expect(start()).rejects.toThrow(/Already running here: process \d+/)
  })

  const before = process.env.DATABASE_URL

  test('a restart goes on with the data and puts the environment back', async () => {
    await query(cloud.environment.DATABASE_URL ?? '', 'create table kept as select 7 as seven')
    await cloud.stop()
    expect(process.env.DATABASE_URL).toBe(before)
    cloud = await start()
    expect(await query(cloud.environment.DATABASE_URL ?? '', 'select seven from kept')).toEqual([
      { seven: 7 },
    ])
  })
})
