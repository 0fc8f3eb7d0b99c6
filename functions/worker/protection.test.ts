import { createServer } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { taskProtection } from './protection.ts'

type Asked = { path: string | undefined; body: unknown }
const asked: Asked[] = []
let status = 200
let uri: string
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  asked.push({ path: `${request.method} ${request.url}`, body: JSON.parse(Buffer.concat(chunks).toString()) })
  response.writeHead(status).end('{}')
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  uri = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/api`
})
afterAll(() => server.close())
beforeEach(() => {
  asked.length = 0
  status = 200
})

const on = {
  path: 'PUT /api/task-protection/v1/state',
  body: { ProtectionEnabled: true, ExpiresInMinutes: 30 },
}
const off = { path: on.path, body: { ProtectionEnabled: false } }

test('a worker with work is protected once, then after ten minutes again, and let go when it is idle', async () => {
  let now = 1_000_000
  const protection = taskProtection(
    uri,
    () => {},
    () => now,
  )
  await protection.hold(false)
  expect(asked).toEqual([])
  await protection.hold(true)
  await protection.hold(true)
  expect(asked).toEqual([on])
  now += 10 * 60_000
  await protection.hold(true)
  expect(asked).toEqual([on, on])
  await protection.hold(false)
  await protection.hold(false)
  expect(asked).toEqual([on, on, off])
})

test('what ECS refuses is said and asked again', async () => {
  const lines: string[] = []
  const protection = taskProtection(uri, (event) => lines.push(event))
  status = 500
  await protection.hold(true)
  expect(lines).toEqual(['protection_failed'])
  status = 200
  await protection.hold(true)
  expect(asked).toEqual([on, on])
})

test('outside of ECS nobody is asked', async () => {
  await taskProtection(undefined, () => {}).hold(true)
  expect(asked).toEqual([])
})
