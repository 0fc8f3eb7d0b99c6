import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { mockClient } from 'aws-sdk-client-mock'
import { describe, expect, test } from 'vitest'
import { forgetAnswers } from '#core/idempotency/idempotency'
import { s3Store } from '#functions/api/store/s3'
import { goal, openApi, Problem, plan } from './open.ts'
import { Session, SessionList, TaskList } from './shapes.ts'

const { call, plant, services } = await openApi()
const sessions = '/api/v1/sessions'

async function create(body: Record<string, unknown>) {
  return Session.parse((await call('POST', sessions, { body: { ...goal, ...body } })).json)
}

const run = (name: string, text: string, values: unknown[]) =>
  plant.engine.query(null, { name, text, values })

describe('an answer stops at 4 MB and says where to go on', () => {
  test('of sessions', async () => {
    for (let n = 0; n < 50; n++) await create({ prompt: 'ü'.repeat(50_000), labels: ['large'] })
    const first = await call('GET', `${sessions}?label=large&limit=100`)
    const page = SessionList.parse(first.json)
    expect(page.items).toHaveLength(40)
    expect(Buffer.byteLength(first.text)).toBeLessThan(4_200_000)
    const rest = await call('GET', `${sessions}?label=large&limit=100&cursor=${page.next_cursor}`)
    expect(SessionList.parse(rest.json)).toMatchObject({ items: { length: 10 }, next_cursor: null })
  })

  test('of the tree of tasks, children behind their parents', async () => {
    const tasks = Array.from({ length: 4 }, (_, n) => ({ ...plan.tasks[0], key: `task-${n}` }))
    const { id } = await create({ plan: { tasks }, start: true })
    await plant.settle()
    await run(
      'large_tasks',
      `update task set instruction = repeat('x', 1500000) where session_id = $1::text`,
      [id],
    )
    await run(
      'a_child',
      `update task set parent_id = (select id from task where session_id = $1::text and key = 'task-0')
       where session_id = $1::text and key = 'task-3'`,
      [id],
    )
    const keys: string[][] = []
    for (let cursor = ''; ; ) {
      const { json } = await call('GET', `${sessions}/${id}/tasks${cursor && `?cursor=${cursor}`}`)
      const page = TaskList.parse(json)
      keys.push(page.items.map(({ key }) => key))
      if (page.next_cursor === null) break
      cursor = page.next_cursor
    }
    expect(keys).toEqual([
      ['task-0', 'task-3'],
      ['task-1', 'task-2'],
    ])
    const all = TaskList.parse((await call('GET', '/api/v1/tasks?state=READY&limit=100')).json)
    expect(all.items.map(({ key }) => key)).toEqual(['task-3', 'task-2'])
    expect(all.next_cursor).not.toBeNull()
  })

  test('of a diff, between two files', async () => {
    const { id } = await create({ plan: { tasks: plan.tasks.slice(0, 1) }, start: true })
    const file = (name: string, size: number) => `diff --git a/${name} b/${name}\n+${'x'.repeat(size)}\n`
    const small = file('small', 10)
    const objects = {
      one: small + file('large', 3_900_000),
      two: small + file('more', 200_000),
    }
    const { artifacts } = services
    services.artifacts = {
      ...artifacts,
      read: async (key, max) =>
        Buffer.from(key.endsWith('/one') ? objects.one : objects.two).subarray(0, max),
    }
    await plant.settle()
    await run(
      'finish',
      `update task set state = 'COMPLETED', ended_at = now(), result = '{"patch_artifact_id":"one"}' where session_id = $1::text`,
      [id],
    )
    const whole = await call('GET', `${sessions}/${id}/diff`)
    expect(whole.headers['x-truncated']).toBeUndefined()
    expect(whole.text).toBe(objects.one)
    objects.one += objects.two
    const cut = await call('GET', `${sessions}/${id}/diff`)
    services.artifacts = artifacts
    expect(cut.headers).toMatchObject({ 'x-truncated': 'true', link: '</api/v1/artifacts/one>; rel="full"' })
    expect(cut.text).toBe(small + file('large', 3_900_000) + small)
  })
})

test('an answer that is a day old is forgotten, and its key is free', async () => {
  const headers = { 'idempotency-key': 'old' }
  const first = await call('POST', sessions, { body: goal, headers })
  await run('age', `update idempotency set created_at = now() - interval '25 hours' where key = $1::text`, [
    'old',
  ])
  const second = await call('POST', sessions, { body: { ...goal, title: 'Other' }, headers })
  expect(second.status).toBe(201)
  expect(second.text).not.toBe(first.text)
  await run('age', `update idempotency set created_at = now() - interval '25 hours' where key = $1::text`, [
    'old',
  ])
  expect(await forgetAnswers(plant.engine)).toBe(1)
  expect(await forgetAnswers(plant.engine)).toBe(0)
})

describe('a bucket', () => {
  const client = new S3Client({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'example' },
  })
  const store = s3Store('bundles', client)

  test('takes an upload of exactly the size that was said', async () => {
    const { method, url, headers } = await store.presignUpload('ten_1/ses_1/art_1', 42)
    const { host, pathname, searchParams } = new URL(url)
    expect([method, host, pathname]).toEqual([
      'PUT',
      'bundles.s3.eu-central-1.amazonaws.com',
      '/ten_1/ses_1/art_1',
    ])
    expect(headers).toEqual({ 'content-length': '42' })
    expect(searchParams.get('X-Amz-SignedHeaders')).toContain('content-length')
    expect(searchParams.get('X-Amz-Expires')).toBe('900')
  })

  test('that lacks an object says null, and one that fails says so', async () => {
    const s3 = mockClient(client)
    s3.on(GetObjectCommand).rejects(Object.assign(new Error('no such key'), { name: 'NoSuchKey' }))
    expect(await store.read('key', 10)).toBeNull()
    s3.on(GetObjectCommand).rejects(new Error('slow down'))
    await expect(store.read('key', 10)).rejects.toMatchObject({ code: 'dependency_unavailable' })
    s3.restore()
  })
})

test('a patch that the store has lost is told', async () => {
  const { id } = await create({ plan: { tasks: plan.tasks.slice(0, 1) }, start: true })
  await plant.settle()
  await run(
    'lose',
    `update task set state = 'COMPLETED', result = '{"patch_artifact_id":"lost"}' where session_id = $1::text`,
    [id],
  )
  const answer = await call('GET', `${sessions}/${id}/diff`)
  expect(Problem.parse(answer.json)).toMatchObject({ status: 409, code: 'artifact_missing' })
})
