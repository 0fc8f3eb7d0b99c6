import { describe, expect, test } from 'vitest'
import { sessionStates } from '#core/session/states'
import { goal, openApi, Problem, plan } from './open.ts'
import { Session, SessionList, Stats, TaskList } from './shapes.ts'

const { call, plant, lines, services } = await openApi()
const sessions = '/api/v1/sessions'

async function create(body: Record<string, unknown> = {}) {
  return Session.parse((await call('POST', sessions, { body: { ...goal, ...body } })).json)
}

describe('a session', () => {
  test('is created, started, listed and read', async () => {
    const made = await call('POST', sessions, { body: { ...goal, plan, labels: ['team:a'] } })
    expect(made.status).toBe(201)
    const session = Session.parse(made.json)
    expect(made.headers).toMatchObject({ location: `${sessions}/${session.id}`, etag: '"1"' })
    expect(session).toMatchObject({ state: 'PENDING', actions: ['start', 'stop'] })

    const started = await call('POST', `${sessions}/${session.id}/start`)
    expect(started.status).toBe(200)
    await plant.settle()
    const read = await call('GET', `${sessions}/${session.id}`)
    expect(Session.parse(read.json)).toMatchObject({ state: 'RUNNING', tasks: { total: 2 } })
    expect(read.headers.etag).toMatch(new RegExp(`^"${Session.parse(read.json).version}\\.`))

    // What is read is what a change may be based on.
    const headers = { 'if-match': read.headers.etag ?? '' }
    const renamed = await call('PATCH', `${sessions}/${session.id}`, { body: { title: 'Renamed' }, headers })
    expect(renamed.status).toBe(200)

    const tasks = TaskList.parse((await call('GET', `${sessions}/${session.id}/tasks`)).json)
    expect(tasks.items.map(({ key, state }) => [key, state])).toEqual([
      ['write', 'READY'],
      ['check', 'BLOCKED'],
    ])
    const one = await call('GET', `/api/v1/tasks/${tasks.items[0]?.id}`)
    expect(one.json).toMatchObject({ key: 'write', actions: ['cancel'] })
    const found = await call('GET', '/api/v1/tasks?state=READY&capability=CODE_GENERATION')
    expect(TaskList.parse(found.json).items.map(({ key }) => key)).toContain('write')
    const listed = SessionList.parse((await call('GET', `${sessions}?state=RUNNING&label=team:a`)).json)
    expect(listed.items.map(({ id }) => id)).toEqual([session.id])
    const stats = Stats.parse((await call('GET', '/api/v1/stats')).json)
    expect(stats.tasks).toMatchObject({ READY: 1, BLOCKED: 1, COMPLETED: 0 })
  })

  test('is told page by page, and a foreign cursor is refused', async () => {
    for (const n of [1, 2, 3]) await create({ title: `page ${n}`, labels: ['paged'] })
    const titles: string[] = []
    let cursor = ''
    for (let page = 0; page < 5; page++) {
      const answer = await call('GET', `${sessions}?label=paged&limit=2${cursor && `&cursor=${cursor}`}`)
      const { items, next_cursor } = SessionList.parse(answer.json)
      titles.push(...items.map(({ title }) => title))
      if (next_cursor === null) break
      cursor = next_cursor
    }
    expect(titles).toEqual(['page 3', 'page 2', 'page 1'])
    const foreign = await call('GET', `/api/v1/tasks?cursor=${cursor}`)
    expect(Problem.parse(foreign.json)).toMatchObject({ status: 400, errors: [{ pointer: '/cursor' }] })
  })

  test('is found first where it is the most urgent, also across pages', async () => {
    const urgencies = ['LOW', 'CRITICAL', 'MEDIUM', 'CRITICAL', 'HIGH']
    for (const [n, priority] of urgencies.entries())
      await create({ title: `${n}`, priority, labels: ['sorted'] })
    const titles = async (sort: string) => {
      const found: string[] = []
      let cursor = ''
      for (let page = 0; page < 6; page++) {
        const path = `${sessions}?label=sorted&sort=${sort}&limit=2${cursor && `&cursor=${cursor}`}`
        const { items, next_cursor } = SessionList.parse((await call('GET', path)).json)
        found.push(...items.map(({ title }) => title))
        if (next_cursor === null) break
        cursor = next_cursor
      }
      return found.join('')
    }
    expect(await titles('priority')).toBe('31420')
    expect(await titles('oldest')).toBe('01234')
    expect(await titles('newest')).toBe('43210')
    const other = SessionList.parse((await call('GET', `${sessions}?sort=oldest&limit=1`)).json)
    const crossed = await call('GET', `${sessions}?sort=priority&cursor=${other.next_cursor}`)
    expect(Problem.parse(crossed.json)).toMatchObject({ status: 400, errors: [{ pointer: '/cursor' }] })
    const forged = Buffer.from('sessions_priority URGENT.ses_1').toString('base64url')
    expect((await call('GET', `${sessions}?sort=priority&cursor=${forged}`)).status).toBe(400)
  })

  test('is counted by state under the filters of the list', async () => {
    for (const start of [false, false, true]) await create({ labels: ['counted'], priority: 'HIGH', start })
    const count = async (filter: string) => (await call('GET', `${sessions}/counts?${filter}`)).json
    const none = Object.fromEntries(sessionStates.map((state) => [state, 0]))
    expect(await count('label=counted')).toEqual({ states: { ...none, PENDING: 2, QUEUED: 1 } })
    expect(await count('label=counted&priority=LOW')).toEqual({ states: none })
    expect((await call('GET', `${sessions}/counts?state=RUNNING`)).status).toBe(400)
  })

  test('is changed under If-Match only from the version that was read', async () => {
    const { id } = await create()
    const path = `${sessions}/${id}`
    const changed = await call('PATCH', path, { body: { title: 'New' }, headers: { 'if-match': '"1"' } })
    expect(changed.json).toMatchObject({ title: 'New', version: 2 })
    expect(changed.headers.etag).toBe('"2"')
    const late = await call('PATCH', path, { body: { title: 'Late' }, headers: { 'if-match': '"1"' } })
    expect(Problem.parse(late.json)).toMatchObject({ status: 412, code: 'precondition_failed' })
    expect((await call('GET', path)).json).toMatchObject({ title: 'New', version: 2 })
    const odd = await call('PATCH', path, { body: { title: 'Odd' }, headers: { 'if-match': 'x' } })
    expect(odd.status).toBe(400)
  })

  test('answers a repeated action as done, and is deleted once it has ended', async () => {
    const { id } = await create()
    expect((await call('POST', `${sessions}/${id}/stop`)).json).toMatchObject({ state: 'STOPPING' })
    await plant.settle()
    expect((await call('POST', `${sessions}/${id}/stop`)).json).toMatchObject({ state: 'STOPPED' })
    expect((await call('DELETE', `${sessions}/${id}`)).status).toBe(204)
    expect((await call('GET', `${sessions}/${id}`)).status).toBe(404)
  })

  test('says until when its history stays, from its end on until it is retried', async () => {
    const { id, history_until } = await create({ labels: ['kept'], plan })
    expect(history_until).toBeNull()
    await call('POST', `${sessions}/${id}/stop`)
    await plant.settle()
    const stopped = Session.parse((await call('POST', `${sessions}/${id}/stop`)).json)
    const until = new Date(Date.parse(stopped.ended_at ?? '') + 30 * 86_400_000).toISOString()
    const read = Session.parse((await call('GET', `${sessions}/${id}`)).json)
    const listed = SessionList.parse((await call('GET', `${sessions}?label=kept`)).json)
    expect([stopped, read, ...listed.items].map((one) => one.history_until)).toEqual([until, until, until])
    const retried = Session.parse((await call('POST', `${sessions}/${id}/retry`)).json)
    expect(retried.history_until).toBeNull()
  })

  test('hears a message while it lives', async () => {
    const { id } = await create()
    const said = await call('POST', `${sessions}/${id}/messages`, { body: { text: 'Mind the tests.' } })
    expect(said).toMatchObject({ status: 201, json: { text: 'Mind the tests.' } })
  })
})

describe('a task', () => {
  test('is cancelled with what depends on it, and retried with it', async () => {
    const { id } = await create({ plan, start: true })
    await plant.settle()
    const tree = async () => TaskList.parse((await call('GET', `${sessions}/${id}/tasks`)).json).items
    const [first, second] = await tree()
    const cancelled = await call('POST', `/api/v1/tasks/${first?.id}/cancel`)
    expect(cancelled.json).toMatchObject({ state: 'CANCELLED', actions: ['retry'] })
    expect((await tree()).map(({ state }) => state)).toEqual(['CANCELLED', 'CANCELLED'])
    const early = await call('POST', `/api/v1/tasks/${second?.id}/retry`)
    expect(Problem.parse(early.json)).toMatchObject({ status: 409, code: 'illegal_transition' })
    const retried = await call('POST', `/api/v1/tasks/${first?.id}/retry`)
    expect(retried.json).toMatchObject({ state: 'READY', error: null })
    expect((await tree()).map(({ state }) => state)).toEqual(['READY', 'BLOCKED'])
  })

  test('that is retried after its session failed takes the session along', async () => {
    const { id } = await create({ plan, start: true })
    await plant.settle()
    const [first] = TaskList.parse((await call('GET', `${sessions}/${id}/tasks`)).json).items
    await call('POST', `/api/v1/tasks/${first?.id}/cancel`)
    await plant.settle()
    expect((await call('GET', `${sessions}/${id}`)).json).toMatchObject({ state: 'FAILED' })
    await call('POST', `/api/v1/tasks/${first?.id}/retry`)
    await plant.settle()
    expect((await call('GET', `${sessions}/${id}`)).json).toMatchObject({ state: 'RUNNING', failure: null })
  })
})

describe('an Idempotency-Key', () => {
  test('gives the stored answer to the same request, and makes nothing twice', async () => {
    const headers = { 'idempotency-key': 'make-once' }
    const body = { ...goal, labels: ['once'] }
    const first = await call('POST', sessions, { body, headers })
    const again = await call('POST', sessions, { body, headers })
    expect(again).toMatchObject({ status: 201, text: first.text })
    expect(again.headers).toMatchObject({ 'idempotent-replayed': 'true', location: first.headers.location })
    expect(first.headers['idempotent-replayed']).toBeUndefined()
    const { items } = SessionList.parse((await call('GET', `${sessions}?label=once`)).json)
    expect(items).toHaveLength(1)
  })

  test('with another request is refused', async () => {
    const headers = { 'idempotency-key': 'other' }
    await call('POST', sessions, { body: goal, headers })
    const other = await call('POST', sessions, { body: { ...goal, title: 'Other' }, headers })
    expect(Problem.parse(other.json)).toMatchObject({ status: 422, code: 'idempotency_mismatch' })
  })

  test('sent at once by many makes one', async () => {
    const headers = { 'idempotency-key': 'crowd' }
    const body = { ...goal, labels: ['crowd'], start: true }
    const all = await Promise.all(Array.from({ length: 6 }, () => call('POST', sessions, { body, headers })))
    expect(new Set(all.map(({ text }) => text)).size).toBe(1)
    expect(all.filter((answer) => answer.headers['idempotent-replayed']).length).toBe(5)
    const { items } = SessionList.parse((await call('GET', `${sessions}?label=crowd`)).json)
    expect(items).toHaveLength(1)
  })

  test('of a refused request is free again', async () => {
    const { id } = await create()
    const headers = { 'idempotency-key': 'refused' }
    const path = `${sessions}/${id}/resume`
    expect((await call('POST', path, { headers })).status).toBe(409)
    expect((await call('POST', path, { headers })).headers['idempotent-replayed']).toBeUndefined()
  })

  test('wakes the engine once, after the commit', async () => {
    const { id } = await create()
    const headers = { 'idempotency-key': 'start-once' }
    await call('POST', `${sessions}/${id}/start`, { headers })
    await plant.settle()
    await call('POST', `${sessions}/${id}/start`, { headers })
    expect((await call('GET', `${sessions}/${id}`)).json).toMatchObject({ state: 'RUNNING' })
  })
})

test('a request leaves one line with its route and ids, and no body', async () => {
  const { id } = await create()
  lines.length = 0
  const answer = await call('GET', `${sessions}/${id}`, { headers: { 'x-request-id': 'mine-1' } })
  expect(answer.headers['x-request-id']).toBe('mine-1')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatchObject({
    event: 'request_completed',
    method: 'GET',
    route: '/api/v1/sessions/{id}',
    status: 200,
    request_id: 'mine-1',
    session_id: id,
  })
})

test('a bug tells nothing but where to look', async () => {
  const { database } = services
  services.database = { ...database, query: () => Promise.reject(new Error('password=hunter2')) }
  const answer = await call('GET', sessions).finally(() => {
    services.database = database
  })
  expect(Problem.parse(answer.json)).toMatchObject({ status: 500, code: 'internal', retryable: false })
  expect(answer.text).not.toContain('hunter2')
  expect(lines.some(({ event, level }) => event === 'request_failed' && level === 'error')).toBe(true)
})
