import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultTenant } from '#core/actor'
import { budgets } from '#infra/budgets'
import { type Bundle, bundle } from '#infra/check/bundle'
import { functions } from '#infra/wiring'
import { anyPorts, type LocalCloud, startLocal } from '#local/cloud'
import { root } from '#local/root'
import { testDatabase } from './database.ts'

type Name = keyof typeof functions

const run = promisify(execFile)
const deadline = 30_000
const place = mkdtempSync(join(tmpdir(), 'orchestrator-bundles-'))
const bundles = new Map<Name, Bundle>()
const clouds: LocalCloud[] = []

/** Loads the code as Lambda does, hands it one event, and says what it answered. */
const runner = `
const [handler, event] = process.argv.slice(2)
const dot = handler.lastIndexOf('.')
const loaded = await import('./' + handler.slice(0, dot) + '.mjs')
const answer = await loaded[handler.slice(dot + 1)](JSON.parse(event), { getRemainingTimeInMillis: () => 10000 })
await loaded.close?.()
process.stdout.write('\\nanswer ' + JSON.stringify(answer) + '\\n', () => process.exit(0))
`

beforeAll(async () => {
  for (const [name, { handler }] of Object.entries(functions)) {
    const out = join(place, name)
    const built = await bundle({ root, handler, out, minify: true, keep_names: false, splitting: true })
    writeFileSync(join(out, 'runner.mjs'), runner)
    bundles.set(nameOf(name), built)
  }
  cpSync(join(root, 'core/migrations'), join(place, 'migrate/migrations'), { recursive: true })
  const { url } = await testDatabase()
  const data = join(place, 'data')
  const env = { DATABASE_URL: url }
  clouds.push(await startLocal({ data, env, ports: anyPorts, workers: [], write: () => {} }))
}, 120_000)

afterAll(async () => {
  for (const cloud of clouds) await cloud.stop()
  rmSync(place, { recursive: true, force: true })
})

function nameOf(text: string): Name {
  const found = Object.keys(functions).find((name): name is Name => name === text)
  if (!found) throw new Error(`No function ${text}`)
  return found
}

/** Far from any node_modules, with nothing in the environment but what the function is given. */
async function answerOf(name: Name, event: unknown) {
  const built = bundles.get(name)
  const [cloud] = clouds
  if (!built || !cloud) throw new Error('Nothing was built')
  const env = {
    ...cloud.environment,
    MIGRATIONS_FOLDER: join(built.out, 'migrations'),
    AWS_LAMBDA_FUNCTION_NAME: name,
  }
  const args = ['runner.mjs', built.handler, JSON.stringify(event)]
  const { stdout } = await run(process.execPath, args, { cwd: built.out, env, timeout: deadline })
  const line = stdout.split('\n').find((text) => text.startsWith('answer '))
  return JSON.parse(line?.slice('answer '.length) ?? 'null')
}

const request = (path: string) => ({
  version: '2.0',
  routeKey: '$default',
  rawPath: path,
  rawQueryString: '',
  headers: { host: 'api.example', authorization: `Bearer ${clouds[0]?.key}` },
  isBase64Encoded: false,
  requestContext: {
    ...{
      accountId: 'anonymous',
      apiId: 'api',
      domainName: 'api.example',
      domainPrefix: 'api',
      requestId: 'r1',
    },
    ...{ routeKey: '$default', stage: '$default', time: '', timeEpoch: 0 },
    http: { method: 'GET', path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' },
  },
})

const records = (body: unknown) => ({
  Records: [
    { messageId: 'good', body: JSON.stringify(body) },
    { messageId: 'bad', body: '{}' },
  ],
})
const badAgain = { batchItemFailures: [{ itemIdentifier: 'bad' }] }

describe('the code that is deployed', () => {
  test.each(Object.keys(functions))('of %s is within its budget', (name) => {
    const built = bundles.get(nameOf(name))
    const { at_start, all } = budgets[nameOf(name)]
    expect(built?.bytes_at_start).toBeLessThanOrEqual(at_start)
    expect(built?.bytes).toBeLessThanOrEqual(all)
  })

  test('migrates with the files that it carries', async () => {
    expect(await answerOf('migrate', {})).toEqual({ ran: [], logins: [], admin_key: 'kept' })
  })

  test('answers HTTP', async () => {
    const { statusCode, body } = await answerOf('api', request('/api/v1/sessions'))
    expect({ statusCode, body: JSON.parse(body) }).toEqual({
      statusCode: 200,
      body: { items: [], next_cursor: null },
    })
    expect((await answerOf('api', request('/api/v1/nothing'))).statusCode).toBe(404)
  })

  test('steps, and names the message that it cannot read', async () => {
    expect(await answerOf('step', records({ kind: 'tenant', tenant_id: defaultTenant }))).toEqual(badAgain)
  })

  test('broadcasts, and names the message that it cannot read', async () => {
    const wake = { kind: 'fleet', tenant_id: defaultTenant, id: defaultTenant }
    expect(await answerOf('broadcast', records(wake))).toEqual(badAgain)
  })

  test('refuses a socket without a ticket', async () => {
    const requestContext = { routeKey: '$connect', connectionId: 'abc=', eventType: 'CONNECT' }
    expect(await answerOf('socket', { requestContext, isBase64Encoded: false })).toEqual({ statusCode: 401 })
  })

  test('delivers what is due, which is nothing', async () => {
    expect(await answerOf('deliver', {})).toEqual({ delivered: 0, failed: 0, retried: 0 })
  })

  test('sweeps', async () => {
    const swept = await answerOf('sweep', {})
    expect(Object.keys(swept).sort()).toEqual(['sessions', 'tenants'])
  })
})
