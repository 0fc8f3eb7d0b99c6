import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createSession } from '#core/session/create'
import { NewSession } from '#core/session/session'
import { patchWebhook, rotateSecret } from '#core/webhook/change'
import { createWebhook } from '#core/webhook/create'
import { deliver } from '#core/webhook/deliver'
import { claimStatement } from '#core/webhook/deliver.sql'
import { listDeliveries, ping, redeliver } from '#core/webhook/delivery'
import { readWebhook } from '#core/webhook/read'
import { NewWebhook, type WebhookEventType } from '#core/webhook/webhook'
import { poster } from '#functions/deliver/post'
import { testDatabase } from '../database.ts'
import { openPlant, type Plant } from '../plant.ts'
import { openReceiver } from './receiver.ts'

let plant: Plant
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  plant = openPlant((await testDatabase()).url)
})
afterEach(async () => {
  await run('delete from webhook')
  for (const close of closers.splice(0)) await close()
})
afterAll(() => plant.close())

const run = (text: string, values: unknown[] = []) => plant.engine.query(null, { name: '', text, values })
const input = (start: boolean) => NewSession.parse({ title: 'Shop', prompt: 'A secret plan', start })
const page = { limit: 100, before: null, state: null }

async function receiver(answer: Parameters<typeof openReceiver>[0] = (response) => response.end()) {
  const opened = await openReceiver(answer)
  closers.push(opened.close)
  return opened
}

async function hook(url: string, event_types?: WebhookEventType[]) {
  const given = NewWebhook.parse({ url, ...(event_types ? { event_types } : {}) })
  return createWebhook(plant.services, plant.operator, given, 'any')
}

/** One look at what is due, and the wait for its posts. */
function look(deadline_ms = 5_000, reach: 'any' | 'public' = 'any', window_ms = 200) {
  const services = { database: plant.engine, post: poster({ reach, deadline_ms }) }
  const options = { window_ms, every_ms: 10, signal: new AbortController().signal }
  return deliver(services, options)
}

const deliveriesOf = async (id: string) =>
  (await listDeliveries(plant.services, plant.operator, id, page)).items
/** Makes what waits for a retry, or for a claim to run out, due. */
const hurry = () => run(`update webhook_delivery set next_attempt_at = now() where state = 'PENDING'`)

describe('a webhook', () => {
  test('is told of what it asked for, signed, without the prompt', async () => {
    const at = await receiver()
    const { webhook, secret } = await hook(at.url, ['session.queued'])
    await hook(at.url, ['session.failed'])
    const session = await createSession(plant.services, plant.operator, input(true))
    await plant.settle()
    await look()
    expect(at.received).toHaveLength(1)
    const headers = at.received[0]?.headers ?? {}
    const body = at.received[0]?.body ?? ''
    const told = new Webhook(secret).verify(body, { ...headers } as Record<string, string>)
    expect(told).toMatchObject({
      type: 'session.queued',
      data: { session_id: session.id, title: 'Shop', state: 'QUEUED' },
    })
    expect(body).not.toContain('secret plan')
    const [delivery] = await deliveriesOf(webhook.id)
    expect(delivery).toMatchObject({ state: 'DELIVERED', attempts: 1, tries: [{ status: 200, error: null }] })
    expect(headers['webhook-id']).toBe(delivery?.id)
    expect(() => new Webhook(secret).verify(`${body} `, { ...headers } as Record<string, string>)).toThrow()
  })

  test('is told in the transaction of the event: what is rolled back is never told', async () => {
    const at = await receiver()
    const { webhook } = await hook(at.url)
    const failing = plant.services.database.transaction(plant.operator.tenant_id, async (query) => {
      await query({
        name: '',
        text: `update session set state = 'FAILED'`,
        values: [],
      })
      const seen = await query({ name: '', text: 'select id from webhook_delivery', values: [] })
      expect(seen).toHaveLength(1)
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await deliveriesOf(webhook.id)).toEqual([])
  })

  test('signs with both secrets while a rotation overlaps, and with one after', async () => {
    const at = await receiver()
    const { webhook, secret } = await hook(at.url)
    const rotated = await rotateSecret(plant.services, plant.operator, webhook.id, { overlap_seconds: 60 })
    await ping(plant.services, plant.operator, webhook.id)
    await look()
    await run(`update webhook set previous_until = now()`)
    await ping(plant.services, plant.operator, webhook.id)
    await look()
    const [both, one] = at.received
    const verify = (by: string, received: typeof both) =>
      new Webhook(by).verify(received?.body ?? '', { ...received?.headers } as Record<string, string>)
    expect(verify(secret, both)).toMatchObject({ type: 'webhook.ping' })
    expect(verify(rotated.secret, both)).toMatchObject({ type: 'webhook.ping' })
    expect(verify(rotated.secret, one)).toMatchObject({ type: 'webhook.ping' })
    expect(() => verify(secret, one)).toThrow()
  })
})

describe('a delivery', () => {
  test('that fails is tried again with the same id and bytes, and its tries are kept', async () => {
    const statuses = [500, 302, 200]
    const at = await receiver((response) => {
      response.writeHead(statuses.shift() ?? 200, { location: '/elsewhere' }).end()
    })
    const { webhook } = await hook(at.url)
    await ping(plant.services, plant.operator, webhook.id)
    expect(await look()).toEqual({ delivered: 0, failed: 0, retried: 1 })
    expect((await readWebhook(plant.services, plant.operator, webhook.id)).failing_since).not.toBeNull()
    expect(at.received).toHaveLength(1)
    await hurry()
    await look()
    await hurry()
    await look()
    const [delivery] = await deliveriesOf(webhook.id)
    expect(delivery?.tries.map(({ status }) => status)).toEqual([500, 302, 200])
    expect(delivery).toMatchObject({ state: 'DELIVERED', attempts: 3 })
    expect(new Set(at.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(new Set(at.received.map(({ body }) => body)).size).toBe(1)
    // A redirect was an answer, not a way.
    expect(at.received.map(({ path }) => path)).toEqual(['/hook', '/hook', '/hook'])
    expect((await readWebhook(plant.services, plant.operator, webhook.id)).failing_since).toBeNull()
  })

  test('that is not answered in time is ended and tried again', async () => {
    const at = await receiver(() => {})
    const { webhook } = await hook(at.url)
    await ping(plant.services, plant.operator, webhook.id)
    await look(50)
    const [delivery] = await deliveriesOf(webhook.id)
    expect(delivery).toMatchObject({
      state: 'PENDING',
      tries: [{ status: null, error: 'No answer within 50 ms.' }],
    })
  })

  test('answered 410 disables its webhook, which then gets nothing until it is enabled', async () => {
    const at = await receiver((response) => response.writeHead(410).end())
    const { webhook } = await hook(at.url)
    await ping(plant.services, plant.operator, webhook.id)
    await look()
    const read = await readWebhook(plant.services, plant.operator, webhook.id)
    expect(read).toMatchObject({ state: 'DISABLED', disabled_reason: 'Its receiver answered 410 Gone.' })
    await ping(plant.services, plant.operator, webhook.id)
    await look()
    expect(at.received).toHaveLength(1)
    const patch = { if_version: null, reach: 'any' } as const
    await patchWebhook(plant.services, plant.operator, webhook.id, { state: 'ENABLED' }, patch)
    await look()
    expect(at.received).toHaveLength(2)
  })

  test('is the last of a webhook that has failed for days', async () => {
    const at = await receiver((response) => response.writeHead(500).end())
    const { webhook } = await hook(at.url)
    await run(`update webhook set failing_since = now() - interval '6 days'`)
    await ping(plant.services, plant.operator, webhook.id)
    await look()
    const read = await readWebhook(plant.services, plant.operator, webhook.id)
    expect(read).toMatchObject({ state: 'DISABLED', disabled_reason: 'No delivery has arrived for 5 days.' })
  })

  test('is given up after its tenth retry, and can be sent again with the same id', async () => {
    let status = 500
    const at = await receiver((response) => response.writeHead(status).end())
    const { webhook } = await hook(at.url)
    const { id } = await ping(plant.services, plant.operator, webhook.id)
    await run('update webhook_delivery set attempts = 10 where id = $1', [id])
    expect(await look()).toEqual({ delivered: 0, failed: 1, retried: 0 })
    status = 200
    await redeliver(plant.services, plant.operator, webhook.id, id)
    await look()
    expect(at.received.map(({ headers }) => headers['webhook-id'])).toEqual([id, id])
    expect((await deliveriesOf(webhook.id))[0]).toMatchObject({ state: 'DELIVERED', attempts: 1 })
  })

  test('whose poster died in the middle is posted again, and its late outcome changes nothing', async () => {
    const at = await receiver()
    const { webhook } = await hook(at.url)
    const { id } = await ping(plant.services, plant.operator, webhook.id)
    const [dead] = await plant.engine.query<{ id: string }>(null, claimStatement(new Map(), 4, 10))
    expect(dead?.id).toBe(id)
    await look()
    expect(at.received).toEqual([])
    await hurry()
    await look()
    expect(at.received[0]?.headers['webhook-id']).toBe(id)
    expect((await deliveriesOf(webhook.id))[0]).toMatchObject({ state: 'DELIVERED', attempts: 2 })
  })

  test('to a slow receiver delays nobody else', async () => {
    const slow = await receiver(() => {})
    const quick = await receiver()
    const tardy = await hook(slow.url)
    const brisk = await hook(quick.url)
    for (let i = 0; i < 12; i++) await ping(plant.services, plant.operator, tardy.webhook.id)
    for (let i = 0; i < 12; i++) await ping(plant.services, plant.operator, brisk.webhook.id)
    await look(1_000, 'any', 900)
    const states = (await deliveriesOf(brisk.webhook.id)).map(({ state }) => state)
    expect(states).toEqual(Array.from({ length: 12 }, () => 'DELIVERED'))
    const arrived = (await deliveriesOf(brisk.webhook.id)).map(({ ended_at }) => Date.parse(ended_at ?? ''))
    const first = (await deliveriesOf(tardy.webhook.id)).flatMap(({ tries }) =>
      tries.map(({ at }) => Date.parse(at)),
    )
    expect(Math.max(...arrived)).toBeLessThan(Math.min(...first))
    expect(slow.received.length).toBeLessThanOrEqual(8)
  })

  test.each(['127.0.0.1', 'localhost'])(
    'never goes to %s where only public receivers may be',
    async (host) => {
      const at = await receiver()
      const { webhook } = await hook(`http://${host}:${at.port}/`)
      await ping(plant.services, plant.operator, webhook.id)
      await look(1_000, 'public')
      expect(at.received).toEqual([])
      expect((await deliveriesOf(webhook.id))[0]?.tries[0]?.error).toMatch(
        /must be an https URL|must not lead/,
      )
    },
  )
})

test('a name that leads inside is refused when the socket asks for its address', async () => {
  const at = await receiver()
  const post = poster({ reach: 'public', deadline_ms: 1_000 })
  // A public name of loopback, by the resolver of this machine: /etc/hosts has the machine's own.
  const { hostname } = await import('node:os')
  const posted = await post(`https://${hostname()}:${at.port}/`, {}, '{}')
  expect(posted).toMatchObject({ status: null, error: expect.stringMatching(/must not lead to an address/) })
  expect(at.received).toEqual([])
})
