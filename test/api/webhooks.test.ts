import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { openApi, Problem } from './open.ts'

const { call, plant, services, lines } = await openApi()
const base = '/api/v1/webhooks'

const Webhook = z.looseObject({ id: z.string(), version: z.int(), state: z.string() })
const Made = z.strictObject({ webhook: Webhook, secret: z.string() })
const url = 'http://127.0.0.1:1/hook'

async function make(body: object = { url }) {
  const answer = await call('POST', base, { body })
  expect(answer.status, answer.text).toBe(201)
  return { ...Made.parse(answer.json), headers: answer.headers }
}

describe('a webhook', () => {
  test('tells its secret when it is made and when it is rotated, and never again', async () => {
    const { webhook, secret, headers } = await make()
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(headers).toMatchObject({ 'cache-control': 'no-store', location: `${base}/${webhook.id}` })
    const rotated = await call('POST', `${base}/${webhook.id}/rotate`, { body: { overlap_seconds: 60 } })
    const { secret: next } = Made.parse(rotated.json)
    expect(next).not.toBe(secret)
    const seen = [await call('GET', base), await call('GET', `${base}/${webhook.id}`)]
    for (const part of [secret, next]) {
      expect(seen.map(({ text }) => text).join()).not.toContain(part)
      expect(JSON.stringify(lines)).not.toContain(part)
    }
  })

  test('is changed by version, enabled again, and deleted', async () => {
    const { webhook } = await make()
    const path = `${base}/${webhook.id}`
    const body = { state: 'DISABLED', event_types: ['session.failed'] }
    const patched = await call('PATCH', path, { body, headers: { 'if-match': '"1"' } })
    expect(patched.json).toMatchObject({ ...body, disabled_reason: 'A person disabled it.', version: 2 })
    expect(patched.headers.etag).toBe('"2"')
    const stale = await call('PATCH', path, { body, headers: { 'if-match': '"1"' } })
    expect(stale.status).toBe(412)
    expect((await call('PATCH', path, { body: { state: 'ENABLED' } })).json).toMatchObject({
      disabled_reason: null,
    })
    expect((await call('DELETE', path)).status).toBe(204)
    expect((await call('GET', path)).status).toBe(404)
  })

  test('is pinged, and its deliveries are listed and sent again', async () => {
    const { webhook } = await make()
    const path = `${base}/${webhook.id}`
    const pinged = await call('POST', `${path}/ping`)
    expect(pinged.status).toBe(202)
    const { id } = z.looseObject({ id: z.string() }).parse(pinged.json)
    const list = z.looseObject({ items: z.array(z.looseObject({ id: z.string() })) })
    expect(list.parse((await call('GET', `${path}/deliveries?state=PENDING`)).json).items[0]?.id).toBe(id)
    const again = `${path}/deliveries/${id}/redeliver`
    expect((await call('POST', again)).status).toBe(409)
    expect((await call('POST', again.replace(id, 'whd_00000000000000000000000000'))).status).toBe(404)
  })

  test('names an address, known events and no more of them than may be', async () => {
    for (const [body, pointer] of [
      [{ url: 'ftp://hooks.example.com' }, '/url'],
      [{ url: 'https://me:pass@hooks.example.com' }, '/url'],
      [{ url, event_types: ['session.*'] }, '/event_types/0'],
      [{ url, event_types: [] }, '/event_types'],
      [{ url, description: 'a\u001b[2J' }, '/description'],
    ] as const) {
      const answer = await call('POST', base, { body })
      expect(answer.status).toBe(400)
      expect(Problem.parse(answer.json).errors[0]?.pointer).toBe(pointer)
    }
  })

  test('leads nowhere inside where only public receivers may be', async () => {
    services.webhook_reach = 'public'
    for (const inside of ['http://hooks.example.com/', 'https://127.0.0.1/', 'https://169.254.169.254/']) {
      const answer = await call('POST', base, { body: { url: inside } })
      expect([answer.status, Problem.parse(answer.json).errors[0]?.pointer]).toEqual([400, '/url'])
    }
    expect((await call('POST', base, { body: { url: 'https://hooks.example.com/' } })).status).toBe(201)
    services.webhook_reach = 'any'
  })

  test('is one of a hundred at most', async () => {
    await plant.engine.query(null, {
      name: '',
      text: `insert into webhook (tenant_id, id, url, description, event_types, secret)
             select $1, 'whk_' || n, 'https://a.example', '', '{}', '' from generate_series(1, 100) n`,
      values: [plant.operator.tenant_id],
    })
    expect((await call('POST', base, { body: { url } })).status).toBe(400)
  })
})
