import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { scopes } from '#core/key/scope'
import { openApi, Problem } from './open.ts'

const { call, keyOf, plant, lines } = await openApi()

const Key = z.object({
  id: z.string(),
  prefix: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(scopes)),
  expires_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
  created_at: z.string(),
  last_used_at: z.string().nullable(),
})
const Made = z.strictObject({ key: Key, token: z.string() })

const base = '/api/v1/keys'
const sessions = '/api/v1/sessions'
const wanted = { name: 'CI of the shop', scopes: ['sessions:read'] }

async function make(input: object = {}) {
  const answer = await call('POST', base, { body: { ...wanted, ...input } })
  expect(answer.status, answer.text).toBe(201)
  return { ...Made.parse(answer.json), headers: answer.headers }
}

const refusal = async (method: string, path: string, token: string | null, body?: unknown) => {
  const answer = await call(method, path, { token, body })
  return { ...Problem.parse(answer.json), header: answer.headers['www-authenticate'] }
}

describe('a new key', () => {
  test('is told once, and only its hash is kept', async () => {
    const { key, token, headers } = await make()
    expect(token).toMatch(new RegExp(`^oio_${key.prefix}_[A-Za-z0-9_-]{69}$`))
    expect(headers).toMatchObject({ 'cache-control': 'no-store', location: `${base}/${key.id}` })
    const read = await call('GET', `${base}/${key.id}`)
    expect(Key.strict().parse(read.json)).toEqual(key)
    const rows = await plant.engine.query<{ row: string; hash: Buffer }>(null, {
      name: '',
      text: 'select k::text as row, hash from api_key k where id = $1',
      values: [key.id],
    })
    expect(rows[0]?.hash).toEqual(createHash('sha256').update(token).digest())
    expect(rows[0]?.row).not.toContain(token.slice(-43))
    expect(JSON.stringify(lines)).not.toContain(token.slice(-43))
  })

  test('is in no stored answer, whatever Idempotency-Key comes with it', async () => {
    const headers = { 'idempotency-key': 'once' }
    const first = await call('POST', base, { body: wanted, headers })
    const second = await call('POST', base, { body: wanted, headers })
    expect(Made.parse(first.json).key.id).not.toBe(Made.parse(second.json).key.id)
    const rows = await plant.engine.query(null, { name: '', text: 'select 1 from idempotency', values: [] })
    expect(rows).toEqual([])
  })

  test('needs a name, known scopes and an end that is to come', async () => {
    for (const [fault, pointer] of [
      [{ name: '' }, '/name'],
      [{ name: 'a\u001b[2J' }, '/name'],
      [{ scopes: [] }, '/scopes'],
      [{ scopes: ['sessions:*'] }, '/scopes/0'],
      [{ expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
      [{ expires_at: 'tomorrow' }, '/expires_at'],
    ] as const) {
      const answer = await call('POST', base, { body: { ...wanted, ...fault } })
      const problem = Problem.parse(answer.json)
      expect(problem).toMatchObject({ status: 400, code: 'invalid_input', errors: [{ pointer }] })
    }
  })
})

describe('keys', () => {
  test('are listed newest first, page by page, by whoever holds admin alone', async () => {
    const { key } = await make({ name: 'newest' })
    const List = z.object({ items: z.array(Key), next_cursor: z.string().nullable() })
    const first = List.parse((await call('GET', `${base}?limit=1`)).json)
    expect(first.items).toEqual([key])
    const second = List.parse((await call('GET', `${base}?limit=1&cursor=${first.next_cursor}`)).json)
    expect(second.items[0]?.id.localeCompare(key.id)).toBe(-1)
    const { token } = await keyOf(scopes.filter((scope) => scope !== 'admin'))
    for (const [method, path] of [
      ['GET', base],
      ['POST', base],
      ['GET', `${base}/${key.id}`],
      ['DELETE', `${base}/${key.id}`],
    ] as const)
      expect(await refusal(method, path, token, method === 'POST' ? wanted : undefined)).toMatchObject({
        status: 403,
        code: 'forbidden',
        detail: 'The key has not the scope admin; use one that has.',
      })
  })

  test('note their use, once a minute', async () => {
    const { key, token } = await make()
    expect(key.last_used_at).toBeNull()
    await call('GET', sessions, { token })
    const used = async () => Key.parse((await call('GET', `${base}/${key.id}`)).json).last_used_at
    const first = await used()
    expect(Math.abs(Date.now() - Date.parse(first ?? ''))).toBeLessThan(60_000)
    await call('GET', sessions, { token })
    expect(await used()).toBe(first)
  })
})

describe('a call', () => {
  test('with a key lacking the scope is refused, by the name of the scope', async () => {
    const { token } = await make()
    expect((await call('GET', sessions, { token })).status).toBe(200)
    const goal = { title: 'x', prompt: 'x' }
    expect(await refusal('POST', sessions, token, goal)).toMatchObject({
      status: 403,
      code: 'forbidden',
      detail: 'The key has not the scope sessions:write; use one that has.',
      header: 'Bearer realm="orchestrator", error="insufficient_scope", scope="sessions:write"',
    })
  })

  test("of a worker is an agent's alone", async () => {
    const { agent } = await plant.register('worker', ['CODE_GENERATION'])
    const { token } = await keyOf(['admin'])
    expect(await refusal('GET', `/api/v1/agents/${agent.id}/inbox`, token)).toMatchObject({ status: 403 })
  })

  test('with what is no key, or nearly one, is refused before anything is looked at', async () => {
    const { token } = await make()
    const changed = token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')
    const elsewhere = token.replace(/_0{26}/, '_00000000000000000000000001')
    for (const wrong of ['x', 'oio_', `${token}A`, token.slice(0, -1), changed, elsewhere])
      expect(await refusal('GET', sessions, wrong), wrong).toMatchObject({
        status: 401,
        code: 'unauthorized',
        header: 'Bearer realm="orchestrator"',
      })
    expect(await refusal('GET', sessions, null)).toMatchObject({
      status: 401,
      detail: 'A key is needed: send `Authorization: Bearer oio_…`.',
    })
    for (const authorization of ['', 'Bearer', `Basic ${token}`, token]) {
      const answer = await call('GET', sessions, { token: null, headers: { authorization } })
      expect(answer.status, authorization).toBe(401)
    }
  })
})
