import { beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { readInbox } from '#core/agent/inbox'
import { registerAgent } from '#core/agent/register'
import { createSession } from '#core/session/create'
import { NewSession } from '#core/session/session'
import { claimTask } from '#core/task/work'
import { goal, openApi, Problem } from './open.ts'

const { call, plant, services } = await openApi()

const base = '/api/v1/contexts'
const Entry = z.object({ value: z.unknown(), version: z.int(), scope: z.string(), author: z.string() })
const Conflict = Problem.extend({
  base: z.unknown(),
  theirs: z.unknown(),
  yours: z.unknown(),
  version: z.int(),
})
const problem = (answer: { json: unknown }) => Problem.parse(answer.json)
const put = (path: string, value: unknown, version?: number, more: object = {}, token?: string) =>
  call('PUT', `${base}${path}`, {
    body: { value, ...more },
    ...(version === undefined ? {} : { headers: { 'if-match': `"${version}"` } }),
    ...(token ? { token } : {}),
  })

let session: string
let task: string
let other: string
let otherTask: string
let token: string

/** Two sessions of one task each; the agent holds the first. */
beforeAll(async () => {
  const one = { key: 'a', title: 'A', instruction: 'A.', capability: 'CODE_GENERATION' }
  const plan = { summary: 'one', tasks: [one] }
  const { worker, token: given } = await plant.register('holder', ['CODE_GENERATION'])
  token = given
  const start = NewSession.parse({ ...goal, plan, start: true })
  session = (await createSession(plant.services, plant.operator, start)).id
  await plant.settle()
  const [offer] = await readInbox(plant.services, worker, 0)
  if (!offer?.task_id) throw new Error('no offer')
  task = offer.task_id
  await claimTask(plant.services, worker, task, 1, true)
  other = (await createSession(plant.services, plant.operator, start)).id
  await plant.settle()
  const tasks = await call('GET', `/api/v1/sessions/${other}/tasks`)
  otherTask = z.object({ items: z.array(z.object({ id: z.string() })) }).parse(tasks.json).items[0]?.id ?? ''
})

describe('an entry', () => {
  test('is written, read with its version as ETag, merged, patched, deleted, and keeps its history', async () => {
    const path = `/SESSION/${session}/notes.db`
    const made = await put(path, { engine: 'sqlite', tables: ['a'] })
    expect([made.status, made.headers.etag]).toEqual([200, '"1"'])
    const found = await call('GET', `${base}${path}`)
    expect([found.status, found.headers.etag]).toEqual([200, expect.stringMatching(/^"1\./)])
    expect(found.json).toMatchObject({
      value: { engine: 'sqlite' },
      author: 'operator',
      strategy: 'LAST_WRITER',
    })
    await put(path, { engine: 'sqlite', tables: ['a', 'b'] }, 1)
    const merged = await put(path, { engine: 'postgres', tables: ['a', 'c'] }, 1)
    expect(Entry.parse(merged.json).value).toEqual({ engine: 'postgres', tables: ['a', 'b', 'c'] })
    const patched = await call('PATCH', `${base}${path}`, {
      raw: '{"tables":null,"port":5432}',
      headers: { 'content-type': 'application/merge-patch+json', 'if-match': '"3"' },
    })
    expect(Entry.parse(patched.json).value).toEqual({ engine: 'postgres', port: 5432 })
    const removed = await call('DELETE', `${base}${path}`, { headers: { 'if-match': '"4"' } })
    expect(removed.status).toBe(204)
    expect((await call('GET', `${base}${path}`)).status).toBe(404)
    const history = await call('GET', `${base}${path}/history?limit=2`)
    expect(history.json).toMatchObject({
      items: [
        { version: 5, deleted: true },
        { version: 4, based_on: 3 },
      ],
      next_cursor: expect.any(String),
    })
    const { next_cursor } = z.object({ next_cursor: z.string() }).parse(history.json)
    const rest = await call('GET', `${base}${path}/history?cursor=${next_cursor}`)
    expect(rest.json).toMatchObject({
      items: [{ version: 3 }, { version: 2 }, { version: 1 }],
      next_cursor: null,
    })
  })

  test('of a wider scope answers without an ETag, since its version is not one of the scope asked', async () => {
    await put('/GLOBAL/-/style', 'tabs')
    const found = await call('GET', `${base}/TASK/${task}/style`)
    expect(found.json).toMatchObject({ scope: 'GLOBAL', id: '-', value: 'tabs' })
    expect(found.headers.etag).toBeUndefined()
    expect((await call('GET', `${base}/TASK/${task}/style?resolve=false`)).status).toBe(404)
    const list = await call('GET', `${base}/TASK/${task}?prefix=style`)
    expect(list.json).toMatchObject({ items: [{ key: 'style', scope: 'GLOBAL' }], next_cursor: null })
  })

  test('under REJECT answers a conflict with the three values, and stays as it is', async () => {
    const path = `/SESSION/${session}/rejecting`
    await put(path, 1, undefined, { strategy: 'REJECT' })
    await put(path, 2, 1)
    const refused = await put(path, 3, 1)
    expect(refused.status).toBe(409)
    expect(Conflict.parse(refused.json)).toMatchObject({
      code: 'context_conflict',
      base: 1,
      theirs: 2,
      yours: 3,
      version: 2,
    })
    expect((await call('GET', `${base}${path}`)).json).toMatchObject({ value: 2, version: 2 })
  })

  test('`If-Match: *` overwrites what is there, without a conflict', async () => {
    const path = `/SESSION/${session}/star`
    await put(path, 1)
    const answer = await call('PUT', `${base}${path}`, { body: { value: 2 }, headers: { 'if-match': '*' } })
    expect(answer.json).toMatchObject({ value: 2, version: 2 })
  })
})

describe('bad input', () => {
  const path = '/GLOBAL/-/bad'
  const cases: [string, () => ReturnType<typeof call>, number, RegExp][] = [
    ['no value', () => call('PUT', `${base}${path}`, { body: {} }), 400, /\/value is required/],
    ['an unknown field', () => put(path, 1, undefined, { colour: 1 }), 400, /colour is not a known field/],
    ['an unknown strategy', () => put(path, 1, undefined, { strategy: 'BEST' }), 400, /LAST_WRITER/],
    [
      'a member named __proto__',
      () => call('PUT', `${base}${path}`, { raw: '{"value":{"__proto__":1}}' }),
      400,
      /__proto__/,
    ],
    ['no patch', () => call('PATCH', `${base}${path}`), 400, /is required/],
    [
      'a version that is none',
      () => call('PUT', `${base}${path}`, { body: { value: 1 }, headers: { 'if-match': 'x' } }),
      400,
      /ETag/,
    ],
    ['a version ahead', () => put(path, 1, 9), 412, /has no version 9; it is at 0/],
    ['a value over 256 KB', () => put(path, 'x'.repeat(262_143)), 413, /262145 bytes; 262144 are allowed/],
    [
      'half a fence',
      () => call('PUT', `${base}${path}?attempt=1`, { body: { value: 1 } }),
      400,
      /task_id is required/,
    ],
    ['an unknown scope', () => put('/LOCAL/-/a', 1), 404, /GLOBAL, SESSION or TASK/],
    ['an id of GLOBAL', () => put('/GLOBAL/x/a', 1), 404, /GLOBAL/],
    ['a key with a slash', () => put('/GLOBAL/-/a%2Fb', 1), 404, /nothing|key/],
    ['a key with spaces', () => put('/GLOBAL/-/a%20b', 1), 404, /a key is words joined by dots/],
    [
      'a session that is not there',
      () => put('/SESSION/ses_01AAAAAAAAAAAAAAAAAAAAAAAA/a', 1),
      404,
      /no session/,
    ],
  ]
  for (const [name, send, status, detail] of cases)
    test(`${name} is refused, and nothing is stored`, async () => {
      const answer = await send()
      expect([answer.status, problem(answer).detail]).toEqual([status, expect.stringMatching(detail)])
      expect((await call('GET', `${base}${path}/history`)).status).toBe(404)
    })
})

describe('an agent', () => {
  const get = (path: string) => call('GET', `${base}${path}`, { token })

  test('reads and writes GLOBAL, the task it holds and its session', async () => {
    for (const path of [`/GLOBAL/-/by-agent`, `/SESSION/${session}/by-agent`, `/TASK/${task}/by-agent`]) {
      const fence = `?task_id=${task}&attempt=1`
      const made = await put(`${path}${fence}`, 'mine', undefined, {}, token)
      expect(made.json).toMatchObject({ value: 'mine', author: expect.stringMatching(/^agt_/) })
      expect((await get(path)).status).toBe(200)
    }
    const events = await call('GET', `/api/v1/sessions/${session}/events?types=context.updated&limit=1000`)
    expect(events.json).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({
          task_id: task,
          data: expect.objectContaining({ scope: 'TASK', key: 'by-agent', value: 'mine' }),
        }),
      ]),
    })
  })

  test('neither reads nor writes other sessions and tasks', async () => {
    await put(`/SESSION/${other}/secret`, 1)
    for (const path of [`/SESSION/${other}`, `/TASK/${otherTask}`]) {
      for (const answer of [
        await get(path),
        await get(`${path}/secret`),
        await get(`${path}/secret/history`),
        await put(`${path}/secret`, 2, 1, {}, token),
        await call('PATCH', `${base}${path}/secret`, { body: { a: 1 }, token }),
        await call('DELETE', `${base}${path}/secret`, { token }),
      ])
        expect([answer.status, problem(answer).code]).toEqual([403, 'forbidden'])
    }
    expect((await call('GET', `${base}/SESSION/${other}/secret`)).json).toMatchObject({
      value: 1,
      version: 1,
    })
  })

  test('writes nowhere with a stale attempt, nor where it holds no task', async () => {
    const path = `/SESSION/${session}/fenced`
    const stale = await put(`${path}?task_id=${task}&attempt=2`, 1, undefined, {}, token)
    expect([stale.status, problem(stale).code]).toEqual([409, 'stale_attempt'])
    const foreign = await put(`/GLOBAL/-/fenced?task_id=${otherTask}&attempt=1`, 1, undefined, {}, token)
    expect([foreign.status, problem(foreign).code]).toEqual([409, 'stale_attempt'])
    const second = await registerAgent(services, plant.operator, {
      name: 'bystander',
      engine: { name: 'scripted', version: '1', model: 'none', rehearsal: true },
      capabilities: ['TESTING'],
      capacity: 1,
      labels: [],
    })
    const refused = await put(path, 1, undefined, {}, second.token)
    expect([refused.status, problem(refused).detail]).toEqual([
      403,
      expect.stringMatching(/the tasks it holds/),
    ])
    expect((await call('GET', `${base}${path}/history`)).status).toBe(404)
    expect((await call('GET', `${base}/GLOBAL/-/fenced/history`)).status).toBe(404)
  })
  test('reads on, but writes no more, once its task is finished', async () => {
    const path = `/SESSION/${session}/late`
    await put(path, 'early')
    const done = { attempt: 1, batch: 0, summary: '', commit: null, base_commit: null }
    const none = { artifact_id: null, patch_artifact_id: null, diff: null }
    const ended = await call('POST', `/api/v1/tasks/${task}/complete`, { body: { ...done, ...none }, token })
    expect(ended.status).toBe(204)
    const late = await put(path, 'late', 1, {}, token)
    expect([late.status, problem(late).code]).toEqual([403, 'forbidden'])
    const fenced = await put(`${path}?task_id=${task}&attempt=1`, 'late', 1, {}, token)
    expect([fenced.status, problem(fenced).code]).toEqual([409, 'stale_attempt'])
    expect((await get(path)).json).toMatchObject({ value: 'early', version: 1 })
  })
})
