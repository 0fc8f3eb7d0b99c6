import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { redisPresence } from '#core/lock/presence'
import { Assignment, EventBatchAnswer } from '#core/task/wire'
import { redisBells } from '#core/wake/bell'
import { AgentList } from '#functions/api/schemas/agent'
import { connectRedis } from '#functions/redis'
import { goal, openApi, Problem, plan, type Sent } from './open.ts'
import {
  Artifact,
  ArtifactMade,
  CheckpointList,
  CheckpointMade,
  EventPage,
  Inbox,
  Registered,
  Session,
  Verdict,
  WholeCheckpoint,
} from './shapes.ts'

const { call, plant, services } = await openApi()
const commit = 'a'.repeat(40)
const patch = readFileSync(import.meta.filename).subarray(0, 300)

async function register(name: string, capabilities: string[]) {
  const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
  const body = { name, engine, capabilities, capacity: 2 }
  const answer = await call('POST', '/api/v1/agents', { body })
  expect(answer.status).toBe(201)
  const { agent, token } = Registered.parse(answer.json)
  const as = (method: string, path: string, sent: Sent = {}) => call(method, path, { ...sent, token })
  return { id: agent.id, as, token }
}

const log = (text: string) => ({
  type: 'log',
  at: '2026-01-01T00:00:00.000Z',
  data: { stream: 'stdout', text },
})
const usage = { input_tokens: 100, output_tokens: 20, cost_usd: 0.5 }
const done = { batch: 2, summary: 'written', commit, base_commit: commit, checks: [] }

describe('a worker', () => {
  test('registers, is offered, claims, reports, checkpoints and completes', async () => {
    const worker = await register('builder', ['CODE_GENERATION', 'TESTING', 'INTEGRATION'])
    const body = { ...goal, plan: { tasks: [plan.tasks[0]] }, start: true }
    const { id } = Session.parse((await call('POST', '/api/v1/sessions', { body })).json)
    const session = `/api/v1/sessions/${id}`
    await plant.settle()

    const inbox = Inbox.parse((await worker.as('GET', `/api/v1/agents/${worker.id}/inbox?wait=5`)).json)
    const [offer] = inbox.items
    expect(offer).toMatchObject({ kind: 'OFFER', attempt: 1 })
    const task = `/api/v1/tasks/${offer?.task_id}`
    const claim = async () => worker.as('POST', `${task}/claim`, { body: { attempt: 1 } })
    const assignment = Assignment.parse((await claim()).json)
    expect(assignment).toMatchObject({ session: { id }, task: { key: 'write' }, resume: null })
    expect((await claim()).status).toBe(200)
    const ack = `/api/v1/agents/${worker.id}/inbox/${offer?.id}/ack`
    expect((await worker.as('POST', ack)).status).toBe(204)
    expect((await worker.as('POST', ack)).status).toBe(204)
    expect(Inbox.parse((await worker.as('GET', `/api/v1/agents/${worker.id}/inbox`)).json).items).toEqual([])

    const report = (batch: number, text: string) =>
      worker.as('POST', `${task}/events`, { body: { attempt: 1, batch, events: [log(text)], usage } })
    expect(EventBatchAnswer.parse((await report(1, 'one \0 \ud800 \u001b[31mred')).json)).toEqual({
      last_batch: 1,
      action: 'continue',
    })
    const lastSeq = async () => Session.parse((await call('GET', session)).json).last_seq
    const before = await lastSeq()
    expect((await report(1, 'one again')).json).toEqual({ last_batch: 1, action: 'continue' })
    const gap = Problem.parse((await report(3, 'three')).json)
    expect(gap).toMatchObject({ status: 409, code: 'batch_gap', expected: 2 })
    expect(await lastSeq()).toBe(before)
    expect((await report(2, 'two')).status).toBe(200)

    const beat = { holding: [{ task_id: offer?.task_id, attempt: 1 }] }
    const answered = await worker.as('POST', `/api/v1/agents/${worker.id}/heartbeat`, { body: beat })
    expect(answered.json).toEqual({ state: 'ONLINE', drop: [] })

    const made = await worker.as('POST', '/api/v1/artifacts', {
      body: { task_id: offer?.task_id, attempt: 1, kind: 'patch', size: patch.length },
    })
    expect(made.status).toBe(201)
    const artifact = ArtifactMade.parse(made.json)
    const { method, url } = artifact.upload
    expect((await fetch(url, { method, body: new Uint8Array(patch) })).status).toBe(200)
    const found = Artifact.parse((await worker.as('GET', `/api/v1/artifacts/${artifact.id}`)).json)
    expect(found).toMatchObject({ kind: 'patch', size: patch.length, session_id: id })
    const bytes = await (await fetch(found.download.url)).arrayBuffer()
    expect(Buffer.from(bytes).equals(patch)).toBe(true)

    const asked = await call('POST', `${session}/checkpoints`)
    expect(asked).toMatchObject({ status: 202, json: { asked: 1 } })
    const interrupts = Inbox.parse((await worker.as('GET', `/api/v1/agents/${worker.id}/inbox`)).json)
    expect(interrupts.items).toMatchObject([{ kind: 'INTERRUPT', data: { reason: 'checkpoint' } }])
    const checkpoint = await worker.as('POST', `${task}/checkpoints`, {
      body: {
        attempt: 1,
        trigger: 'MANUAL',
        artifact_id: artifact.id,
        commit,
        engine: { session: 'x' },
        size: 1_000,
      },
    })
    expect(checkpoint.status).toBe(201)
    const { number } = CheckpointMade.parse(checkpoint.json)
    const whole = WholeCheckpoint.parse((await call('GET', `${session}/checkpoints/${number}`)).json)
    expect(whole).toMatchObject({ trigger: 'MANUAL', session: { state: 'RUNNING' } })
    expect(whole.tasks).toMatchObject([{ key: 'write', state: 'RUNNING', attempt: 1, work: { commit } }])
    const first = WholeCheckpoint.parse((await call('GET', `${session}/checkpoints/1`)).json)
    expect(first).toMatchObject({ session: { state: 'QUEUED' }, tasks: [] })

    const complete = { ...done, attempt: 1, artifact_id: null, patch_artifact_id: artifact.id, diff: null }
    const early = await worker.as('POST', `${task}/complete`, { body: { ...complete, batch: 3 } })
    expect(Problem.parse(early.json)).toMatchObject({ code: 'batch_gap', expected: 3 })
    expect((await worker.as('POST', `${task}/complete`, { body: complete })).status).toBe(204)
    expect((await worker.as('POST', `${task}/complete`, { body: complete })).status).toBe(204)
    expect((await report(3, 'late')).status).toBe(409)
    expect((await call('GET', task)).json).toMatchObject({ state: 'COMPLETED', actions: [] })
    const diff = await call('GET', `${session}/diff`)
    expect(diff.headers['content-type']).toBe('text/x-diff')
    expect(diff.text).toBe(patch.toString('utf8'))

    await plant.settle()
    const [last] = Inbox.parse(
      (await worker.as('GET', `/api/v1/agents/${worker.id}/inbox?wait=5`)).json,
    ).items.filter(({ kind }) => kind === 'OFFER')
    const integration = `/api/v1/tasks/${last?.task_id}`
    const joined = Assignment.parse(
      (await worker.as('POST', `${integration}/claim`, { body: { attempt: 1 } })).json,
    )
    expect(joined.inputs).toMatchObject([{ key: 'write', commit }])
    const end = { ...complete, batch: 0, branch: `orchestrator/${id}`, push: { pushed: true } }
    expect((await worker.as('POST', `${integration}/complete`, { body: end })).status).toBe(204)
    await plant.settle()
    const completed = Session.parse((await call('GET', session)).json)
    expect(completed).toMatchObject({
      state: 'COMPLETED',
      rehearsal: true,
      success_rate: 1,
      usage: { input_tokens: 200, output_tokens: 40, cost_usd: 1 },
      result: { branch: `orchestrator/${id}`, commit },
    })
    await history(session, completed.last_seq)
  })

  test('that declines, fails or releases hands its task on', async () => {
    const worker = await register('unsure', ['DEBUGGING'])
    const tasks = [{ ...plan.tasks[0], capability: 'DEBUGGING' }]
    const body = { ...goal, plan: { tasks }, start: true }
    await call('POST', '/api/v1/sessions', { body })
    const next = async () => {
      await plant.settle()
      const { items } = Inbox.parse((await worker.as('GET', `/api/v1/agents/${worker.id}/inbox?wait=5`)).json)
      const offer = items.findLast(({ kind }) => kind === 'OFFER')
      return { task: `/api/v1/tasks/${offer?.task_id}`, attempt: offer?.attempt }
    }
    const first = await next()
    const declined = { attempt: first.attempt, reason: 'busy' }
    expect((await worker.as('POST', `${first.task}/decline`, { body: declined })).status).toBe(204)
    const second = await next()
    expect(second.attempt).toBe(2)
    const { attempt, task } = second
    await worker.as('POST', `${task}/claim`, { body: { attempt } })
    const released = { attempt, batch: 0, reason: 'going away' }
    expect((await worker.as('POST', `${task}/release`, { body: released })).status).toBe(204)
    const third = await next()
    await worker.as('POST', `${task}/claim`, { body: { attempt: third.attempt } })
    const failed = {
      attempt: 3,
      batch: 0,
      code: 'check_failed',
      message: 'npm test exits 1',
      retryable: false,
    }
    expect((await worker.as('POST', `${task}/fail`, { body: failed })).status).toBe(204)
    expect((await call('GET', task)).json).toMatchObject({ state: 'FAILED', error: { code: 'check_failed' } })
  })

  test('whose task is cancelled is interrupted, and told to drop it', async () => {
    const worker = await register('refactorer', ['REFACTORING'])
    const tasks = [{ ...plan.tasks[0], capability: 'REFACTORING' }]
    await call('POST', '/api/v1/sessions', { body: { ...goal, plan: { tasks }, start: true } })
    await plant.settle()
    const inbox = async () =>
      Inbox.parse((await worker.as('GET', `/api/v1/agents/${worker.id}/inbox?wait=5`)).json).items
    const task_id = (await inbox())[0]?.task_id
    await worker.as('POST', `/api/v1/tasks/${task_id}/claim`, { body: { attempt: 1 } })
    expect((await call('GET', `/api/v1/agents/${worker.id}`)).json).toMatchObject({ active: 1, load: 0.5 })
    expect((await call('POST', `/api/v1/tasks/${task_id}/cancel`)).json).toMatchObject({ state: 'CANCELLED' })
    expect((await inbox()).at(-1)).toMatchObject({ kind: 'INTERRUPT', data: { reason: 'stop' }, task_id })
    const body = { holding: [{ task_id, attempt: 1 }] }
    const beat = await worker.as('POST', `/api/v1/agents/${worker.id}/heartbeat`, { body })
    expect(beat.json).toMatchObject({ drop: [{ task_id, attempt: 1 }] })
    expect((await call('GET', `/api/v1/agents/${worker.id}`)).json).toMatchObject({ active: 0 })
  })

  test('is shown with its last heartbeat, not with the one that was written down', async () => {
    const worker = await register('steady', ['GARDENING'])
    const heardAt = async () => {
      const { items } = AgentList.parse((await call('GET', '/api/v1/agents?capability=GARDENING')).json)
      return Date.parse(items[0]?.last_heartbeat_at ?? '')
    }
    const registered = await heardAt()
    await worker.as('POST', `/api/v1/agents/${worker.id}/heartbeat`, { body: { holding: [] } })
    expect(await heardAt()).toBeGreaterThan(registered)
  })

  test('works on while Redis is away', async () => {
    const { presence, bells } = services
    const away = () => connectRedis('redis://127.0.0.1:1', services.log)
    const dead = redisBells(away(), away())
    Object.assign(services, { presence: redisPresence(away(), { ttl_ms: 1_000 }), bells: dead })
    const worker = await register('lonely', ['OTHER'])
    const path = `/api/v1/agents/${worker.id}`
    const beat = await worker.as('POST', `${path}/heartbeat`, { body: { holding: [] } })
    const inbox = await worker.as('GET', `${path}/inbox?wait=0.1`)
    dead.end()
    Object.assign(services, { presence, bells })
    expect(beat.json).toEqual({ state: 'ONLINE', drop: [] })
    expect(inbox.json).toEqual({ items: [] })
  })

  test('is listed, drained and removed', async () => {
    const worker = await register('leaving', ['SECURITY_AUDIT'])
    const listed = await call('GET', '/api/v1/agents?capability=SECURITY_AUDIT')
    expect(listed.json).toMatchObject({ items: [{ id: worker.id, state: 'ONLINE', load: 0 }] })
    expect((await call('POST', `/api/v1/agents/${worker.id}/drain`)).json).toMatchObject({
      state: 'DRAINING',
    })
    expect((await worker.as('GET', `/api/v1/agents/${worker.id}`)).status).toBe(200)
    expect((await call('DELETE', `/api/v1/agents/${worker.id}`)).status).toBe(204)
    expect((await call('GET', `/api/v1/agents/${worker.id}`)).status).toBe(404)
  })
})

/** Events, log, stream, checkpoints and proof of a finished session. */
async function history(session: string, last: number) {
  const { items } = EventPage.parse((await call('GET', `${session}/events?limit=1000`)).json)
  expect(items.map(({ seq }) => seq)).toEqual(Array.from({ length: last }, (_, i) => i + 1))
  const logs = EventPage.parse((await call('GET', `${session}/events?types=log&limit=1000`)).json).items
  expect(logs.map(({ data }) => data.text)).toEqual(['one \0 \ud800 \u001b[31mred', 'two'])
  const text = await call('GET', `${session}/log`)
  expect(text.headers['content-type']).toContain('text/plain')
  expect(text.text).toContain('write stdout: two\n')
  expect(text.text.split('\n').at(-2)).toMatch(/ session\.completed from=RUNNING to=COMPLETED$/)
  const page = await call('GET', `${session}/log?limit=3`)
  expect(page.headers.link).toContain('after=3&limit=3')

  const accept = { accept: 'text/event-stream' }
  const stream = await call('GET', `${session}/events`, { headers: { ...accept, 'last-event-id': '2' } })
  expect(stream.headers['content-type']).toBe('text/event-stream')
  expect(stream.text).toMatch(/^retry: 500\n\nid: 3\nevent: session\.running\ndata: \{/)
  const ids = [...stream.text.matchAll(/^id: (\d+)\nevent/gm)].map(([, id]) => Number(id))
  expect(ids).toEqual(Array.from({ length: last - 2 }, (_, i) => i + 3))
  const empty = await call('GET', `${session}/events?after=${last}&wait=0`, { headers: accept })
  expect(empty.text).toBe('retry: 500\n\n')
  const skipped = await call('GET', `${session}/events?limit=2&types=session.completed&wait=0`, {
    headers: accept,
  })
  expect(skipped.text).toContain('event: session.completed\n')

  const verdict = Verdict.parse((await call('GET', `${session}/verify`)).json)
  expect(verdict).toMatchObject({ valid: true, last_seq: last, broken_at: null })
  const numbers: number[] = []
  for (let cursor = ''; ; ) {
    const answer = await call('GET', `${session}/checkpoints?limit=4${cursor && `&cursor=${cursor}`}`)
    const { items, next_cursor } = CheckpointList.parse(answer.json)
    numbers.push(...items.map(({ number }) => number))
    if (next_cursor === null) break
    cursor = next_cursor
  }
  const highest = numbers[0] ?? 0
  expect(numbers).toEqual(Array.from({ length: highest }, (_, i) => highest - i))
}

test('a stream that waits ends with the first event', async () => {
  const { id } = Session.parse((await call('POST', '/api/v1/sessions', { body: goal })).json)
  const headers = { accept: 'text/event-stream' }
  const waiting = call('GET', `/api/v1/sessions/${id}/events?after=1`, { headers })
  await call('POST', `/api/v1/sessions/${id}/start`)
  expect((await waiting).text).toContain('id: 2\nevent: session.queued\n')
})

test('an altered history is told', async () => {
  const { id } = Session.parse((await call('POST', '/api/v1/sessions', { body: goal })).json)
  await plant.engine.query(null, {
    name: 'alter',
    text: `update event_page set page = replace(page, 'changelog', 'changelag') where session_id = $1::text`,
    values: [id],
  })
  const verdict = Verdict.parse((await call('GET', `/api/v1/sessions/${id}/verify`)).json)
  expect(verdict).toMatchObject({ valid: false, broken_at: 1, reason: 'a page was altered' })
})
