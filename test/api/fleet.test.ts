import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { CapabilityLoad } from '#core/fleet/capabilities'
import { History } from '#core/fleet/history'
import { listNeeds, Need } from '#core/fleet/needs'
import { listChanges, SessionChange } from '#core/session/changes'
import { listTrees } from '#core/task/trees'
import { TaskTreeList } from '#functions/api/schemas/task'
import { operatorOf } from '../plant.ts'
import { goal, openApi, plan } from './open.ts'
import { Session } from './shapes.ts'

const { call, plant, services } = await openApi()
const api = '/api/v1'

async function create(body: Record<string, unknown>) {
  return Session.parse((await call('POST', `${api}/sessions`, { body: { ...goal, ...body } })).json)
}
const read = async <T>(schema: z.ZodType<T>, path: string) =>
  schema.parse((await call('GET', `${api}${path}`)).json)
const items = <T>(schema: z.ZodType<T>) => z.object({ items: z.array(schema) })
const run = (name: string, text: string, values: unknown[] = []) =>
  plant.engine.query(null, { name, text, values })

const Queues = z.object({
  queues: z.object({
    tasks: z.object({ waiting: z.int(), oldest_at: z.iso.datetime().nullable() }),
    steps: z.object({ due: z.int(), oldest_at: z.iso.datetime().nullable(), queue: z.unknown() }),
  }),
})

test('before anything was done every answer is empty, and none is an invention', async () => {
  expect(await read(Queues, '/stats')).toMatchObject({
    queues: { tasks: { waiting: 0, oldest_at: null }, steps: { due: 0, oldest_at: null, queue: null } },
  })
  const history = await read(History, '/stats/history')
  expect(history.points).toHaveLength(60)
  expect(history.points.every(({ used, tasks }) => used.tokens === 0 && tasks.completed === 0)).toBe(true)
  for (const path of ['/needs', '/sessions/changes', '/tasks/trees', '/stats/capabilities'])
    expect(await read(items(z.unknown()), path)).toEqual({ items: [] })
})

describe('a session that waits for an agent that is not there', () => {
  test('needs a person, and its capability is the one that is missing', async () => {
    const { id } = await create({ title: 'Waiting', plan, start: true })
    await plant.settle()
    const { items: needs } = await read(items(Need), '/needs')
    expect(needs).toMatchObject([
      { kind: 'STUCK', session_id: id, reason: 'no_agent', actions: ['pause', 'stop'] },
    ])
    expect(needs[0]?.sentence).toContain('--capabilities CODE_GENERATION')
    const { items: loads } = await read(items(CapabilityLoad), '/stats/capabilities')
    expect(loads).toMatchObject([
      { capability: 'CODE_GENERATION', agents: 0, waiting: 1, held: 0 },
      { capability: 'TESTING', agents: 0, waiting: 0, blocked: 1 },
    ])
    const { queues } = await read(Queues, '/stats')
    expect(queues.tasks.waiting).toBe(1)
    expect(queues.tasks.oldest_at).toBe(loads[0]?.oldest_at)
  })

  test('is not waiting while its task pauses after a failure', async () => {
    await run('pause', `update task set not_before = now() + interval '1 hour' where state = 'READY'`)
    const { queues } = await read(Queues, '/stats')
    const { items: loads } = await read(items(CapabilityLoad), '/stats/capabilities')
    expect([queues.tasks.waiting, loads[0]?.waiting, loads[0]?.blocked]).toEqual([0, 0, 1])
    await run('go_on', `update task set not_before = null where state = 'READY'`)
  })

  test('what the queue says of itself is told as it says it', async () => {
    const word = { waiting: 3, in_flight: 1, dead_letters: null }
    services.lookAtQueue = async () => word
    expect(await read(Queues, '/stats')).toMatchObject({ queues: { steps: { queue: word } } })
    services.lookAtQueue = async () => null
  })

  test('an agent that takes it moves the load, and nobody is needed', async () => {
    await plant.register('coder', ['CODE_GENERATION'], 2)
    await plant.settle()
    expect(await read(items(Need), '/needs')).toEqual({ items: [] })
    const { items: loads } = await read(items(CapabilityLoad), '/stats/capabilities')
    expect(loads[0]).toMatchObject({ agents: 1, capacity: 2, active: 1, free: 1, waiting: 0, held: 1 })
  })
})

test('changes of state are told in the order in which they happened, the latest first', async () => {
  const { id } = await create({ title: 'Changing' })
  await call('POST', `${api}/sessions/${id}/start`)
  await plant.settle()
  const { items: changes } = await read(items(SessionChange), '/sessions/changes?limit=3')
  expect(changes.map(({ session_id, from, to }) => [session_id === id, from, to])).toEqual([
    [true, 'QUEUED', 'RUNNING'],
    [true, 'PENDING', 'QUEUED'],
    [true, null, 'PENDING'],
  ])
  expect(changes[0]?.title).toBe('Changing')
  // Written to without a change of state: nothing to tell.
  await call('PATCH', `${api}/sessions/${id}`, { body: { title: 'Changing again' } })
  await call('POST', `${api}/sessions/${id}/stop`)
  await plant.settle()
  const { items: all } = await read(items(SessionChange), '/sessions/changes?limit=100')
  expect(all[0]?.to).toBe('STOPPED')
  expect(all.filter(({ from, to }) => from === to)).toEqual([])
})

test('a paused session and one that was not started are told last, with what may be done', async () => {
  const { id: paused } = await create({ title: 'Paused', plan })
  await create({ title: 'Not started' })
  await call('POST', `${api}/sessions/${paused}/start`)
  await call('POST', `${api}/sessions/${paused}/pause`)
  await plant.settle()
  const { items: needs } = await read(items(Need), '/needs')
  expect(needs.map(({ kind, title }) => [kind, title])).toEqual([
    ['PAUSED', 'Paused'],
    ['NOT_STARTED', 'Not started'],
  ])
  expect(needs[0]?.actions).toContain('resume')
})

describe('history', () => {
  const zero = { tokens: 0, cost_usd: 0 }

  test('counts a task and its use in the step in which it ended, and what is open beside it', async () => {
    await run(
      'use',
      `update task set usage = '{"input_tokens":100,"output_tokens":20,"reasoning_tokens":3,"cache_read_tokens":9,"cost_usd":0.5}'
      where id = (select id from task where capability = 'CODE_GENERATION' order by id limit 1)`,
    )
    const before = await read(History, '/stats/history?window=hour')
    expect(before.open).toEqual({ tokens: 123, cost_usd: 0.5 })
    expect(before.points.reduce((sum, { used }) => sum + used.tokens, 0)).toBe(0)
    await run(
      'end',
      `update task set state = 'COMPLETED', ended_at = now() - interval '10 minutes'
      where id = (select id from task where capability = 'CODE_GENERATION' order by id limit 1)`,
    )
    const after = await read(History, '/stats/history?window=hour')
    expect(after.open).toEqual(zero)
    const used = after.points.filter(({ used }) => used.tokens > 0)
    expect(used).toMatchObject([{ tasks: { completed: 1, failed: 0 }, used: { tokens: 123, cost_usd: 0.5 } }])
    const age = Date.now() - Date.parse(used[0]?.at ?? '')
    expect(age).toBeGreaterThan(9 * 60_000)
    expect(age).toBeLessThan(12 * 60_000)
  })

  test('its windows differ in reach and step, never in length beyond 60 points', async () => {
    for (const [window, step, points] of [
      ['hour', 60, 60],
      ['day', 1_800, 48],
      ['week', 10_800, 56],
    ] as const) {
      const history = await read(History, `/stats/history?window=${window}`)
      expect(history).toMatchObject({ window, step_seconds: step, points: { length: points } })
      const gaps = history.points
        .slice(1)
        .map(({ at }, i) => Date.parse(at) - Date.parse(history.points[i]?.at ?? ''))
      expect(new Set(gaps)).toEqual(new Set([step * 1_000]))
    }
    expect((await call('GET', `${api}/stats/history?window=year`)).status).toBe(400)
  })

  test('sessions are counted by the change itself: one retried later has ended all the same', async () => {
    const stopped = (history: z.infer<typeof History>) =>
      history.points.reduce((sum, { sessions }) => sum + sessions.stopped, 0)
    const before = stopped(await read(History, '/stats/history?window=day'))
    expect(before).toBe(1)
    const { items: all } = await read(items(Session), '/sessions?state=STOPPED')
    await call('POST', `${api}/sessions/${all[0]?.id}/retry`)
    await plant.settle()
    expect(stopped(await read(History, '/stats/history?window=day'))).toBe(before)
  })
})

describe('trees of tasks', () => {
  test('come by session, newest first, whole, with those marked that were asked for', async () => {
    const { id } = await create({ title: 'Tree', plan, start: true })
    await plant.settle()
    const page = await read(TaskTreeList, '/tasks/trees?capability=TESTING&limit=1')
    expect(page.items).toHaveLength(1)
    expect(page.items[0]).toMatchObject({
      session: { id, title: 'Tree', state: 'RUNNING' },
      total: 2,
      tasks: [
        { key: 'write', matches: false, agent_name: 'coder' },
        { key: 'check', matches: true, depends_on: ['write'], state: 'BLOCKED' },
      ],
    })
    const rest = await read(
      TaskTreeList,
      `/tasks/trees?capability=TESTING&limit=50&cursor=${page.next_cursor}`,
    )
    expect(rest.items.map(({ session }) => session.title)).not.toContain('Tree')
    expect(rest.next_cursor).toBeNull()
    expect((await read(TaskTreeList, '/tasks/trees?state=AWAITING_INPUT')).items).toEqual([])
    expect((await call('GET', `${api}/tasks/trees?cursor=nonsense`)).status).toBe(400)
  })

  test('another tenant sees nothing of them', async () => {
    const other = operatorOf('ten_00000000000000000000000001')
    expect(await listNeeds(services, other)).toEqual([])
    expect(await listChanges(services, other, 100)).toEqual([])
    expect(
      (await listTrees(services, other, { states: null, capability: null, limit: 50, before: null })).items,
    ).toEqual([])
  })
})
