import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { globalKeys } from '#core/lock/keys'
import { waitFor } from '#local/wait'
import { deadline, openCloud } from './open.ts'

vi.setConfig({ testTimeout: 2 * deadline })
const live = await openCloud()
const redis = new Redis(live.cloud.environment.REDIS_URL ?? '')
const heard = redis.duplicate()
const dynamo = new DynamoDBClient({})
afterAll(() => {
  redis.disconnect()
  heard.disconnect()
  dynamo.destroy()
})

const Made = z.looseObject({ id: z.string() })
const Registered = z.looseObject({ agent: Made, token: z.string() })
const Offer = z.looseObject({ task_id: z.string(), attempt: z.int() })
const Inbox = z.looseObject({ items: z.tuple([Offer]) })
const other = 'ten_00000000000000000000000002'
const tenants = [live.tenant_id, other]
const token = await live.addTenant(other)

/** Every key that was ever written, also those that are gone again, and every bell. */
const names = new Set<string>()
heard.on('message', (channel: string) => names.add(channel))
heard.on('pmessage', (_pattern, channel: string) => names.add(channel.replace(/^__keyspace@0__:/, '')))
await redis.config('SET', 'notify-keyspace-events', 'KA')
await heard.psubscribe('__keyspace@0__:*', 'bell:*')

/** What every part of the cloud does for a tenant: an agent that holds a task and does not name it, and viewers. */
async function busy(key: string) {
  const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
  const body = { name: 'worker', engine, capabilities: ['PLANNING'], capacity: 1, labels: [] }
  const { agent, token: own } = Registered.parse(await (await live.call('POST', '/agents', body, key)).json())
  const goal = { title: 'Goal', prompt: 'Reach it.', start: true }
  const { id } = Made.parse(await (await live.call('POST', '/sessions', goal, key)).json())
  const viewer = await live.connect(key)
  viewer.subscribe('fleet')
  viewer.subscribe(`session:${id}`)
  const worker = await live.connect(own)
  worker.subscribe(`agent:${agent.id}`)
  const offer = await worker.hears(({ items }) => items?.some(({ kind }) => kind === 'OFFER') ?? false)
  expect(offer.items).toHaveLength(1)
  const inbox = await live.call('GET', `/agents/${agent.id}/inbox`, undefined, own)
  const [{ task_id, attempt }] = Inbox.parse(await inbox.json()).items
  await live.call('POST', `/tasks/${task_id}/claim`, { attempt }, own)
  await live.call('POST', `/agents/${agent.id}/heartbeat`, { holding: [] }, own)
  await viewer.hears(({ events }) => events?.some(({ type }) => type === 'task.running') ?? false)
  await viewer.hears(({ type }) => type === 'fleet')
}

describe('a name in our stores', () => {
  test('says whose it is, in Redis', async () => {
    for (const key of [live.cloud.key, token]) await busy(key)
    const kinds = ['bell:', 'lease:', 'live:', 'presence:', 'rate:', 'metrics:']
    await waitFor('a name of each kind', deadline, () => {
      const missing = kinds.filter((kind) => ![...names].some((name) => name.startsWith(kind)))
      return missing.length === 0 ? true : null
    })
    for (const tenant of tenants)
      for (const kind of kinds.filter((one) => one !== 'metrics:'))
        expect([...names].filter((name) => name.startsWith(kind) && name.includes(tenant))).not.toEqual([])
    for (const name of await redis.keys('*')) names.add(name)
    const ofNobody = [...names].filter((name) => !tenants.some((tenant) => name.includes(tenant)))
    expect(ofNobody.filter((name) => !(name in globalKeys))).toEqual([])
  })

  test('says whose it is, in the table of who watches what', async () => {
    const { Items = [] } = await dynamo.send(new ScanCommand({ TableName: 'subscriptions' }))
    expect(Items.length).toBeGreaterThanOrEqual(6)
    for (const { channel, tenant_id } of Items) expect(channel?.S).toMatch(new RegExp(`^${tenant_id?.S}:`))
  })
})
