import { expect, test } from 'vitest'
import * as z from 'zod'
import { goal, openApi, Problem, plan } from './open.ts'

const { call, plant } = await openApi()
const Made = z.looseObject({ id: z.string(), checkpoint_number: z.int(), last_seq: z.int() })
const made = async (path: string, body: object, headers = {}) =>
  Made.parse((await call('POST', `/api/v1/sessions${path}`, { body, headers })).json)

test('a session is forked once for one key, and the fork says where it comes from', async () => {
  const parent = await made('', { ...goal, plan, start: true })
  await plant.settle()
  const path = `/api/v1/sessions/${parent.id}/fork`
  const sent = { body: { checkpoint: 1, title: 'Again' }, headers: { 'idempotency-key': 'fork-1' } }
  const first = await call('POST', path, sent)
  const { id } = Made.parse(first.json)
  expect(first).toMatchObject({ status: 201, headers: { location: `/api/v1/sessions/${id}` } })
  const origin = { session_id: parent.id, checkpoint: 1 }
  expect(first.json).toMatchObject({ title: 'Again', state: 'PENDING', parent: origin })
  const again = await call('POST', path, sent)
  expect(again.headers['idempotent-replayed']).toBe('true')
  expect(again.text).toBe(first.text)
  expect((await call('GET', `/api/v1/sessions/${id}`)).json).toMatchObject({ parent: origin })
  expect((await call('GET', `/api/v1/sessions/${id}/verify`)).json).toMatchObject({ valid: true })
  expect((await call('GET', `/api/v1/sessions/${parent.id}`)).json).toMatchObject({ parent: null })
  const events = await call('GET', `/api/v1/sessions/${id}/events?types=session.created,session.forked`)
  expect(events.json).toMatchObject({ items: [{ type: 'session.created' }, { type: 'session.forked' }] })
})

test('a parent is not deleted: 409 names its forks', async () => {
  const parent = await made('', goal)
  const fork = await made(`/${parent.id}/fork`, {})
  const refused = await call('DELETE', `/api/v1/sessions/${parent.id}`)
  expect(Problem.parse(refused.json)).toMatchObject({ status: 409, code: 'has_forks' })
  expect(refused.json).toMatchObject({ forks: [fork.id], detail: expect.stringContaining(fork.id) })
  expect((await call('GET', `/api/v1/sessions/${parent.id}`)).status).toBe(200)
  for (const { id } of [fork, parent])
    expect((await call('DELETE', `/api/v1/sessions/${id}`)).status).toBe(204)
})

test.each([
  [{ checkpoint: 0 }, '/checkpoint'],
  [{ checkpoint: 'last' }, '/checkpoint'],
  [{ title: '' }, '/title'],
  [{ prompt: 'x' }, '/prompt'],
])('a fork with %j is refused by the name of the field', async (body, pointer) => {
  const parent = await made('', goal)
  const refused = await call('POST', `/api/v1/sessions/${parent.id}/fork`, { body })
  expect(Problem.parse(refused.json)).toMatchObject({ status: 400, errors: [{ pointer }] })
  const gone = await call('POST', `/api/v1/sessions/${parent.id}/fork`, { body: { checkpoint: 9 } })
  expect(Problem.parse(gone.json)).toMatchObject({ status: 404, code: 'not_found' })
})
