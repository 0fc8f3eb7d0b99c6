import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { openApi, Problem } from './open.ts'

const { call, services } = await openApi()

const Operation = z.looseObject({
  operationId: z.string(),
  summary: z.string(),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).default([]),
  responses: z.record(z.string(), z.looseObject({ description: z.string() })),
})
const Document = z.looseObject({
  openapi: z.literal('3.1.0'),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
})
const raw = (await call('GET', '/openapi.json')).json
const document = Document.parse(raw)

/** Every route of the REST table that is built. */
const routes = `
POST /sessions
GET /sessions
GET /sessions/counts
GET /sessions/{id}
PATCH /sessions/{id}
DELETE /sessions/{id}
POST /sessions/{id}/start
POST /sessions/{id}/pause
POST /sessions/{id}/resume
POST /sessions/{id}/stop
POST /sessions/{id}/retry
POST /sessions/{id}/fork
POST /sessions/{id}/messages
GET /sessions/{id}/diagnosis
GET /sessions/{id}/events
GET /sessions/{id}/log
GET /sessions/{id}/checkpoints
POST /sessions/{id}/checkpoints
GET /sessions/{id}/checkpoints/{number}
GET /sessions/{id}/diff
GET /sessions/{id}/export
GET /sessions/{id}/verify
GET /sessions/{id}/tasks
GET /tasks
GET /tasks/{id}
POST /tasks/{id}/cancel
POST /tasks/{id}/retry
POST /tasks/{id}/claim
POST /tasks/{id}/decline
POST /tasks/{id}/events
POST /tasks/{id}/checkpoints
POST /tasks/{id}/complete
POST /tasks/{id}/fail
POST /tasks/{id}/release
POST /tasks/{id}/subtasks
POST /tasks/{id}/approvals
GET /approvals
GET /approvals/{id}
POST /approvals/{id}
GET /dead-letters
POST /dead-letters/{id}/redrive
GET /webhooks
POST /webhooks
GET /webhooks/{id}
PATCH /webhooks/{id}
DELETE /webhooks/{id}
POST /webhooks/{id}/rotate
POST /webhooks/{id}/ping
GET /webhooks/{id}/deliveries
POST /webhooks/{id}/deliveries/{delivery}/redeliver
GET /keys
POST /keys
GET /keys/{id}
DELETE /keys/{id}
POST /agents
GET /agents
GET /agents/{id}
DELETE /agents/{id}
POST /agents/{id}/heartbeat
POST /agents/{id}/drain
GET /agents/{id}/inbox
POST /agents/{id}/inbox/{item}/ack
POST /artifacts
GET /artifacts/{id}
GET /contexts/{scope}/{id}
GET /contexts/{scope}/{id}/{key}
PUT /contexts/{scope}/{id}/{key}
PATCH /contexts/{scope}/{id}/{key}
DELETE /contexts/{scope}/{id}/{key}
GET /contexts/{scope}/{id}/{key}/history
GET /stats
POST /socket-tickets
GET /stats/history
GET /stats/capabilities
GET /needs
GET /sessions/changes
GET /tasks/trees
GET /audit
GET /tenant
PATCH /tenant`
  .trim()
  .split('\n')
  .map((route) => route.replace(' ', ' /api/v1'))

describe('the OpenAPI document', () => {
  test('lists every route, and none besides', () => {
    const listed = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(listed.sort()).toEqual([...routes, 'GET /health', 'GET /ready', 'GET /metrics'].sort())
  })

  test('names each operation once, and every part of its path', () => {
    const all = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.values(operations).map((operation) => ({ path, operation })),
    )
    const names = all.map(({ operation }) => operation.operationId)
    expect(new Set(names).size).toBe(names.length)
    for (const { path, operation } of all) {
      const parts = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const given = operation.parameters
        .filter((parameter) => parameter.in === 'path')
        .map(({ name }) => name)
      expect(given).toEqual(parts)
      expect(Object.keys(operation.responses).some((status) => status.startsWith('2'))).toBe(true)
    }
  })

  test('refers only to what it holds', () => {
    const refs = [...JSON.stringify(raw).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? '')
    expect(refs.length).toBeGreaterThan(50)
    for (const ref of new Set(refs)) {
      expect(ref).toMatch(/^#\/components\/schemas\/\w+$/)
      expect(Object.keys(document.components.schemas)).toContain(ref.split('/').at(-1))
    }
  })

  test('is shown by a page that asks no third party', async () => {
    const page = await call('GET', '/docs')
    expect(page.headers['content-type']).toContain('text/html')
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? '')
    expect(files.length).toBeGreaterThan(3)
    for (const file of files) {
      expect(file).toMatch(/^\/docs\//)
      expect((await call('GET', file)).status).toBe(200)
    }
    for (const name of ['package.json', '..%2F..%2Fpackage.json', 'toString'])
      expect((await call('GET', `/docs/${name}`)).status).toBe(404)
  })
})

describe('the plain routes', () => {
  test('tell that the process lives and what it depends on', async () => {
    expect((await call('GET', '/health')).json).toEqual({ status: 'ok' })
    const ready = await call('GET', '/ready')
    expect(ready).toMatchObject({
      status: 200,
      json: { status: 'ok', dependencies: { postgres: { ok: true } } },
    })
  })

  test('without Redis are degraded, without Postgres not ready', async () => {
    const { dependencies } = services
    const away = { look: () => Promise.reject(new Error('refused')) }
    services.dependencies = { ...dependencies, redis: { ...away, required: false } }
    const degraded = await call('GET', '/ready')
    expect(degraded).toMatchObject({ status: 200, json: { status: 'degraded' } })
    services.dependencies = { ...dependencies, postgres: { ...away, required: true } }
    const down = await call('GET', '/ready')
    services.dependencies = dependencies
    expect(Problem.parse(down.json)).toMatchObject({ status: 503, code: 'dependency_unavailable' })
    expect(down.json).toMatchObject({
      dependencies: { postgres: { ok: false, error: 'refused' }, redis: { ok: true } },
    })
  })
})

test('pages of the dashboard may call, others may not', async () => {
  const ask = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'idempotency-key' }
  const ours = await call('OPTIONS', '/api/v1/sessions', {
    headers: { ...ask, origin: 'http://localhost:3000' },
  })
  expect(ours.headers['access-control-allow-origin']).toBe('http://localhost:3000')
  expect(ours.headers['access-control-allow-headers']).toContain('idempotency-key')
  const theirs = await call('GET', '/api/v1/sessions', { headers: { origin: 'https://example.org' } })
  expect(theirs.headers['access-control-allow-origin']).toBeUndefined()
})
