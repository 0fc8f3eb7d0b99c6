import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { Redis } from 'ioredis'
import { afterAll } from 'vitest'
import * as z from 'zod'
import { defaultTenant } from '#core/actor'
import type { Letter } from '#core/dead-letter/dead-letter'
import { createKey } from '#core/key/create'
import type { Scope } from '#core/key/scope'
import { redisPresence } from '#core/lock/presence'
import { redisLimiter } from '#core/lock/rate'
import { redisBells } from '#core/wake/bell'
import { handlerOf } from '#functions/api/handler'
import type { ApiServices } from '#functions/api/services'
import { folderStore } from '#functions/api/store/folder'
import { scrapedOf } from '#functions/metrics/scraped'
import { redisTimings } from '#functions/metrics/timings'
import { makeArtifactStore } from '#local/gateway/artifacts'
import { testDatabase, testRedisUrl } from '../database.ts'
import { openPlant } from '../plant.ts'
import { admin } from '../services.ts'

/** Without a token a test calls with a key that may do everything; null: with none. */
const testRate = 100_000

export type Sent = { body?: unknown; raw?: string; token?: string | null; headers?: Record<string, string> }

const Result = z.object({
  statusCode: z.int(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
  isBase64Encoded: z.boolean(),
})

/** An event as API Gateway (HTTP API, payload 2.0) sends it. */
export function eventOf(method: string, target: string, sent: Sent): APIGatewayProxyEventV2 {
  const [path = '/', query = ''] = target.split('?')
  const body = sent.raw ?? (sent.body === undefined ? undefined : JSON.stringify(sent.body))
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: decodeURIComponent(path),
    rawQueryString: query,
    headers: {
      host: 'localhost:8000',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(sent.token ? { authorization: `Bearer ${sent.token}` } : {}),
      ...sent.headers,
    },
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      domainName: 'localhost',
      domainPrefix: 'localhost',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
      requestId: 'test',
      routeKey: '$default',
      stage: '$default',
      time: '22/Nov/2026:15:41:36 +0000',
      timeEpoch: 0,
    },
    ...(body === undefined ? {} : { body }),
    isBase64Encoded: false,
  }
}

export type Answer = { status: number; headers: Record<string, string>; text: string; json: unknown }

/** The very handler on a real Postgres, Redis and artifact folder; the engine steps when a test says so. */
export async function openApi() {
  const { url } = await testDatabase()
  // Tests call as fast as they can; test/api/tenant.test.ts has the limit.
  await admin(
    url,
    `update tenant set max_requests_per_second = ${testRate}; alter table tenant alter max_requests_per_second set default ${testRate}`,
  )
  const plant = openPlant(url, { automatic: false })
  const redis = new Redis(testRedisUrl())
  const bells = redisBells(redis, new Redis(testRedisUrl()))
  plant.stepServices.bells = bells
  const limiter = redisLimiter(redis)
  const store = await openStore()
  const lines: Record<string, unknown>[] = []
  const log =
    (level: string) =>
    (event: string, fields: Record<string, unknown> = {}) => {
      lines.push({ level, event, ...fields })
    }
  const letters: Letter[] = []
  const services: ApiServices = {
    ...plant.services,
    presence: redisPresence(redis, { ttl_ms: 30_000 }),
    bells,
    artifacts: folderStore({ url: store.url, secret: store.secret }),
    // Their store is DynamoDB, which this harness has not: test/live has it.
    tickets: {
      issue: async () => ({ ticket: 'none', expires_at: new Date().toISOString() }),
      look: () => Promise.reject(new Error('no DynamoDB here')),
    },
    // Files share a Redis and the tenant's id: each has buckets of its own.
    limiter: { take: (name, rate) => limiter.take(`${url} ${name}`, rate) },
    socket_url: 'ws://localhost:8000',
    webhook_reach: 'any',
    repositories: { reach: 'any', roots: ['/'] },
    retention: { sessions: 30 },
    lookAtQueue: async () => null,
    // The queues are SQS: dead-letters.test.ts has them.
    deadLetters: {
      look: async () => letters,
      redrive: async ({ id }) => letters.some((one) => one.id === id),
    },
    timings: redisTimings(redis),
    scraped: scrapedOf({
      redis,
      steps: async () => null,
      broadcast: async () => null,
      access: { access: 'public', token: '' },
    }),
    dependencies: {
      postgres: {
        required: true,
        look: () => plant.services.database.query('', { name: 'ping', text: 'select 1', values: [] }),
      },
      redis: { required: false, look: () => redis.ping() },
    },
    origins: ['http://localhost:3000'],
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
  }
  const handler = handlerOf(() => services)

  const { token: key } = await keyOf(['admin'])

  /** A key of a tenant, made by the very verb. */
  function keyOf(scopes: Scope[], tenant_id = defaultTenant, expires_at: string | null = null) {
    return createKey(services, { tenant_id }, { name: scopes.join(' '), scopes, expires_at })
  }

  async function call(method: string, target: string, sent: Sent = {}): Promise<Answer> {
    const { token = key } = sent
    const result = Result.parse(await handler(eventOf(method, target, { ...sent, token })))
    const text = Buffer.from(result.body, result.isBase64Encoded ? 'base64' : 'utf8').toString('utf8')
    const isJson = /^application\/(problem\+)?json/.test(result.headers['content-type'] ?? '')
    return {
      status: result.statusCode,
      headers: result.headers,
      text,
      json: isJson ? JSON.parse(text) : null,
    }
  }

  afterAll(async () => {
    await plant.close()
    bells.end()
    await store.close()
  })
  return { call, keyOf, plant, services, letters, lines, store, url }
}

async function openStore() {
  const folder = mkdtempSync(join(tmpdir(), 'orchestrator-artifacts-'))
  const secret = 'a secret of the tests'
  const serve = makeArtifactStore({ folder, secret, maxBytes: 64 * 1024 * 1024 })
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/artifacts-store`,
    secret,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What the tests read of a problem. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
  code: z.string(),
  retryable: z.boolean(),
  request_id: z.string(),
  errors: z.array(z.object({ pointer: z.string(), message: z.string() })),
  state: z.string().optional(),
  legal_actions: z.array(z.string()).optional(),
  expected: z.int().optional(),
})

export const goal = { title: 'Add a changelog', prompt: 'Write CHANGELOG.md from the history.' }
export const plan = {
  summary: 'two tasks',
  tasks: [
    { key: 'write', title: 'Write it', instruction: 'Write it.', capability: 'CODE_GENERATION' },
    {
      key: 'check',
      title: 'Check it',
      instruction: 'Check it.',
      capability: 'TESTING',
      depends_on: ['write'],
    },
  ],
}
