import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { AuditList } from '#functions/api/schemas/audit'
import { everything } from '../everything.ts'
import { admin } from '../services.ts'
import { type Operation, readContract } from './contract.ts'
import { goal, openApi, plan, type Sent } from './open.ts'
import { makeSamples, type Samples } from './samples.ts'

const opened = await openApi()
const { call, plant, url } = opened
const { operations } = await readContract(call)
const samples: Samples = makeSamples(opened)
const sessions = '/api/v1/sessions'

/** What changes no record of ours: a ticket is kept elsewhere, for a minute. */
const unrecorded = ['create_socket_ticket']
/** What is told once is stored for nobody. */
const notStored = ['register_agent', 'create_key', 'create_webhook', 'rotate_webhook']
const changes = ({ method, worker, operationId }: Operation) =>
  method !== 'GET' && !worker && !unrecorded.includes(operationId)
const mutations = operations.filter(changes).map((one) => [one.operationId, one] as const)
const others = operations.filter((one) => !changes(one)).map((one) => [one.operationId, one] as const)

const Detail = z.looseObject({ path: z.string(), body: z.record(z.string(), z.unknown()).nullable() })
const list = async (query: string) =>
  AuditList.parse((await call('GET', `/api/v1/audit?${query}`)).json).items
const ofRequest = async (id: string) =>
  (await list('limit=100')).filter(({ request_id }) => request_id === id)

async function prepared({ operationId, method }: Operation) {
  const make = samples[operationId]
  if (!make) throw new Error(`${operationId} needs a sample in test/api/samples.ts.`)
  const { target, sent = {} } = await make()
  return (headers: Record<string, string>) => {
    const all: Sent = { ...sent, headers: { ...sent.headers, ...headers } }
    return call(method, target, all)
  }
}

describe('a mutation', () => {
  test.each(mutations)(
    '%s is written down once, with who, what, on what and from where',
    async (name, operation) => {
      const send = await prepared(operation)
      const answer = await send({ 'x-request-id': `row-${name}`, 'user-agent': 'curl/8' })
      expect(answer.status, answer.text).toBeLessThan(300)
      const rows = await ofRequest(`row-${name}`)
      expect(rows).toMatchObject([
        {
          action: name,
          actor: { kind: 'operator', id: expect.stringMatching(/^key_/) },
          ip: '127.0.0.1',
          user_agent: 'curl/8',
        },
      ])
      const [row] = rows
      const { path } = Detail.parse(row?.detail)
      // It is about what its path names, or about what its answer made.
      expect(path + answer.text).toContain(row?.resource.id.split('/').at(-1))
    },
  )

  test.each(mutations)('%s is undone where it cannot be written down', async (name, operation) => {
    const send = await prepared(operation)
    const before = await everything(plant.engine)
    const headers = notStored.includes(name) ? {} : { 'idempotency-key': `undone-${name}` }
    const answer = await send({ ...headers, 'x-request-id': 'broken' })
    expect(answer.status).toBe(500)
    expect(await everything(plant.engine)).toEqual(before)
  })

  test('that is refused is not written down, and one that is replayed is not written again', async () => {
    const headers = { 'idempotency-key': 'audited', 'x-request-id': 'replayed' }
    for (const _ of [1, 2]) await call('POST', sessions, { body: goal, headers })
    expect(await ofRequest('replayed')).toHaveLength(1)
    const [row] = await ofRequest('replayed')
    const refused = { headers: { 'x-request-id': 'refused' } }
    expect((await call('POST', `${sessions}/${row?.resource.id}/pause`, refused)).status).toBe(409)
    expect((await call('POST', sessions, { ...refused, body: { title: '' } })).status).toBe(400)
    expect(await ofRequest('refused')).toEqual([])
  })

  test('of an entry that is refused for a conflict leaves the conflict on record, and no row', async () => {
    const made = await call('POST', sessions, { body: goal })
    const { id } = z.looseObject({ id: z.string() }).parse(made.json)
    const path = `/api/v1/contexts/SESSION/${id}/style`
    const put = (value: string, headers: Record<string, string>) =>
      call('PUT', path, { body: { value, strategy: 'REJECT' }, headers })
    await put('tabs', {})
    await put('spaces', { 'if-match': '"1"' })
    const refused = await put('both', { 'if-match': '"1"', 'x-request-id': 'conflict' })
    expect(refused.status).toBe(409)
    expect(await ofRequest('conflict')).toEqual([])
    const events = await call('GET', `${sessions}/${id}/events?types=context.conflicted`)
    expect(events.json).toMatchObject({ items: [{ type: 'context.conflicted' }] })
  })

  test('by an agent names it', async () => {
    const { agent, token } = await plant.register('leaving', ['LEAVING'])
    await call('POST', `/api/v1/agents/${agent.id}/drain`, { token })
    const [row] = await list(`actor=${agent.id}`)
    expect(row).toMatchObject({ action: 'drain_agent', actor: { kind: 'agent', id: agent.id } })
  })

  test('tells what was asked in short, and no text of people and no password', async () => {
    const repository = { url: 'https://me:hunter2@git.example.com/x.git' }
    const body = { ...goal, plan, repository, priority: 'HIGH' }
    await call('POST', sessions, { body, headers: { 'x-request-id': 'short' } })
    const [row] = await ofRequest('short')
    expect(row?.detail.body).toMatchObject({
      title: goal.title,
      priority: 'HIGH',
      prompt: { bytes: goal.prompt.length + 2 },
      repository: { url: 'https://…@git.example.com/x.git' },
    })
    const entry = '/api/v1/contexts/GLOBAL/-/secret'
    await call('PUT', entry, { body: { value: 'hunter2' }, headers: { 'x-request-id': 'entry' } })
    expect(JSON.stringify(await list('limit=100'))).not.toContain('hunter2')
    expect(await list('resource=GLOBAL/-/secret')).toMatchObject([{ resource: { kind: 'context' } }])
  })
})

test.each(others)('%s writes nothing down', async (name, operation) => {
  const send = await prepared(operation)
  await send({ 'x-request-id': `none-${name}` })
  expect(await ofRequest(`none-${name}`)).toEqual([])
})

test('the list is asked by who, what, on what and when', async () => {
  const made = await call('POST', sessions, { body: goal, headers: { 'x-request-id': 'filtered' } })
  const { id } = z.looseObject({ id: z.string() }).parse(made.json)
  await call('POST', `${sessions}/${id}/stop`)
  expect((await list(`resource=${id}`)).map(({ action }) => action)).toEqual([
    'stop_session',
    'create_session',
  ])
  const [stopped, created] = await list(`resource=${id}`)
  expect(await list(`resource=${id}&action=stop_session`)).toEqual([stopped])
  expect(await list(`resource=${id}&actor=agent`)).toEqual([])
  expect(await list(`resource=${id}&until=${created?.at}`)).toEqual([])
  expect(await list(`resource=${id}&since=${created?.at}`)).toEqual([stopped, created])
  for (const query of ['since=yesterday', 'until=0000-01-01T00:00:00Z'])
    expect((await call('GET', `/api/v1/audit?${query}`)).status).toBe(400)
})

test('nobody changes what is written: the api may add, the engine may delete what is old', async () => {
  const say = (text: string) => ({ name: '', text, values: [] })
  const app = (text: string) => plant.services.database.query(plant.operator.tenant_id, say(text))
  const denied = { code: '42501' }
  await expect(app(`update audit set action = 'x'`)).rejects.toMatchObject(denied)
  await expect(app('delete from audit')).rejects.toMatchObject(denied)
  await expect(plant.engine.query(null, say(`update audit set action = 'x'`))).rejects.toMatchObject(denied)
})

await admin(
  url,
  `create function break() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$;
   create trigger break before insert on audit for each row when (new.request_id = 'broken') execute function break()`,
)
