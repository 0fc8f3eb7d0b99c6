import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Plan } from '#core/plan/plan'
import { planSubmit } from './plan_submit.ts'
import { McpServer } from './server.ts'

let server: McpServer
beforeAll(async () => {
  server = await McpServer.start(() => undefined)
})
afterAll(() => server.stop())

/** The transport's `sessionId` is typed as possibly undefined, which exact optional types refuse. */
function plain(transport: StreamableHTTPClientTransport): Transport {
  return {
    start: () => transport.start(),
    close: () => transport.close(),
    send: (message) => transport.send(message),
    set onmessage(take: NonNullable<Transport['onmessage']>) {
      transport.onmessage = take
    },
  }
}

async function connect({ url, token }: { url: string; token: string }) {
  const client = new Client({ name: 'test', version: '1' })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit })
  await client.connect(plain(transport))
  return client
}

const task = { key: 'a', title: 'A', instruction: 'Do a', capability: 'TESTING' }

test('a plan with errors is answered with all of them, and a correct one is accepted', async () => {
  const accepted: Plan[] = []
  const access = server.open([planSubmit(3, (plan) => accepted.push(plan))])
  const client = await connect(access)
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['plan_submit'])
  const submit = (tasks: unknown[]) => client.callTool({ name: 'plan_submit', arguments: { tasks } })
  const refused = await submit([task, { ...task, depends_on: ['b'] }])
  expect(refused.isError).toBe(true)
  expect(JSON.stringify(refused.content)).toMatch(/\/tasks\/1\/key.*is taken.*depends_on\/0/)
  expect((await submit([task])).isError).toBe(false)
  expect(accepted).toMatchObject([{ tasks: [{ key: 'a', depends_on: [], checks: [] }] }])
  await client.close()
  access.close()
})

test('an attempt’s token opens its own path alone', async () => {
  const [mine, other] = [server.open([]), server.open([])]
  const post = (url: string) =>
    fetch(url, { method: 'POST', headers: { authorization: `Bearer ${mine.token}` }, body: '{}' })
  expect((await post(other.url)).status).toBe(401)
  expect((await post(new URL('/api/v1/sessions', mine.url).href)).status).toBe(404)
  for (const { close } of [mine, other]) close()
})

test('an attempt’s path needs its token, and is gone when the attempt is', async () => {
  const access = server.open([])
  const post = (token: string) =>
    fetch(access.url, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: '{}' })
  expect((await post('wrong')).status).toBe(401)
  access.close()
  expect((await post(access.token)).status).toBe(404)
})
