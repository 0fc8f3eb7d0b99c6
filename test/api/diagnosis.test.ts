import { expect, test } from 'vitest'
import * as z from 'zod'
import { goal, openApi } from './open.ts'

const { call, plant } = await openApi()
const Made = z.looseObject({ id: z.string() })

async function create(more: object) {
  const { json } = await call('POST', '/api/v1/sessions', { body: { ...goal, ...more } })
  return Made.parse(json).id
}

const audit = {
  tasks: [{ key: 'audit', title: 'Audit it', instruction: 'Audit.', capability: 'SECURITY_AUDIT' }],
}

test('a session says what it waits for, and moves when an agent comes', async () => {
  const id = await create({ plan: audit, start: true })
  const path = `/api/v1/sessions/${id}`
  expect((await call('GET', `${path}/diagnosis`)).json).toMatchObject({ waiting: { reason: 'admitting' } })
  await plant.settle()
  const { json } = await call('GET', `${path}/diagnosis`)
  expect(json).toMatchObject({
    session_id: id,
    state: 'RUNNING',
    ended: null,
    waiting: {
      reason: 'no_agent',
      owner: 'fleet',
      sentence: expect.stringContaining('SECURITY_AUDIT: no agent is online. Start one with'),
      path: [
        { kind: 'session', id },
        { kind: 'task', key: 'audit' },
        { kind: 'capability', id: 'SECURITY_AUDIT' },
      ],
    },
  })
  const { waiting } = z.looseObject({ waiting: z.looseObject({ sentence: z.string() }) }).parse(json)
  const lists = [await call('GET', path), await call('GET', '/api/v1/sessions')]
  for (const { text } of lists) expect(text).toContain(JSON.stringify(waiting.sentence))
  // Through the api, whose Redis then knows that it lives.
  const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
  const auditor = { name: 'auditor', engine, capabilities: ['SECURITY_AUDIT'], capacity: 1 }
  expect((await call('POST', '/api/v1/agents', { body: auditor })).status).toBe(201)
  await plant.settle()
  const offered = await call('GET', `${path}/diagnosis`)
  expect(offered.json).toMatchObject({ waiting: { reason: 'offered', owner: 'agent' } })
  expect((await call('GET', path)).json).toMatchObject({ waiting: null })
  await call('POST', `${path}/stop`)
  await plant.settle()
  expect((await call('GET', `${path}/diagnosis`)).json).toMatchObject({
    waiting: null,
    ended: { code: 'stopped' },
  })
})

test('a session that is PENDING is not started, and one that is not there has no diagnosis', async () => {
  const id = await create({})
  const { json } = await call('GET', `/api/v1/sessions/${id}/diagnosis`)
  expect(json).toMatchObject({
    waiting: { owner: 'operator', sentence: expect.stringContaining('Not started') },
  })
  expect((await call('GET', `/api/v1/sessions/${id.slice(0, -4)}ZZZZ/diagnosis`)).status).toBe(404)
})
