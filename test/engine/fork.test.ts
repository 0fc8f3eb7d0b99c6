import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Worker } from '#core/actor'
import { readInbox } from '#core/agent/inbox'
import { listCheckpoints, readCheckpoint } from '#core/checkpoint/read'
import { type Place, placeOf } from '#core/context/entry'
import { putEntry } from '#core/context/put'
import { readEntry } from '#core/context/read'
import { readEvents } from '#core/event/read'
import { verifyHistory } from '#core/event/verify'
import { controlSession, deleteSession, sendMessage } from '#core/session/control'
import { createSession } from '#core/session/create'
import { forkSession } from '#core/session/fork'
import { readLog } from '#core/session/log'
import { readSession } from '#core/session/read'
import { Fork, NewSession } from '#core/session/session'
import { listSessionTasks } from '#core/task/read'
import { checkpointWork, reportEvents } from '#core/task/report'
import { claimTask, completeWork, failWork } from '#core/task/work'
import { noUsage } from '#core/usage/usage'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, operatorOf, type Plant } from '../plant.ts'

let plant: Plant
let worker: Worker

beforeAll(async () => {
  plant = openPlant((await testDatabase()).url)
  worker = (await plant.register('only', ['PLANNING', 'CODE_GENERATION', 'INTEGRATION'])).worker
})
afterAll(() => plant.close())

const hash = (letter: string) => letter.repeat(40)
const nothing = { base_commit: hash('0'), artifact_id: null, patch_artifact_id: null, diff: null, checks: [] }
const usage = { ...noUsage, input_tokens: 7, cost_usd: 0.1 }

const read = (id: string) => readSession(plant.services, plant.operator, id)
const verify = (id: string) => verifyHistory(plant.services, plant.operator, id)
const fork = (id: string, input: Partial<Fork> = {}) =>
  forkSession(plant.services, plant.operator, id, Fork.parse(input))
const eventsOf = async (id: string, after = 0, limit = 1_000) =>
  (await readEvents(plant.services, plant.operator, id, { after, limit, types: null })).items
const tasksOf = async (id: string) =>
  (await listSessionTasks(plant.services, plant.operator, id, { limit: 1_000, after: null })).items
const statesOf = async (id: string) => (await tasksOf(id)).map(({ key, state }) => `${key} ${state}`)

async function begin(plan: ReturnType<typeof planOf> | null = planOf(['one'], ['two', 'one'])) {
  const input = NewSession.parse({ title: 'Goal', prompt: 'Reach it.', plan, start: true })
  const { id } = await createSession(plant.services, plant.operator, input)
  await plant.settle()
  return id
}

/** Claims the offer of a session's next task. */
async function claim(session_id: string) {
  const mine = new Set((await tasksOf(session_id)).map(({ id }) => id))
  const items = await readInbox(plant.services, worker, 0)
  const item = items.filter((one) => one.kind === 'OFFER' && mine.has(one.task_id ?? '')).at(-1)
  if (!item?.task_id || !item.attempt) throw new Error('nothing is offered')
  const { task_id: id, attempt } = item
  return { id, attempt, assignment: await claimTask(plant.services, worker, id, attempt, true) }
}

async function finish({ id, attempt }: { id: string; attempt: number }, commit: string, more = {}) {
  const body = { ...nothing, attempt, batch: 0, summary: 'Done.', commit, ...more }
  await completeWork(plant.services, worker, id, body)
  await plant.settle()
}

async function stop(...ids: string[]) {
  for (const id of ids) await controlSession(plant.services, plant.operator, id, 'stop')
  await plant.settle()
  // What was running is taken at the end of the grace.
  for (const id of ids) {
    const text = 'update session set settle_by = now() where id = $1 and settle_by is not null'
    await plant.engine.query(null, { name: '', text, values: [id] })
    await plant.look([{ kind: 'session', tenant_id: plant.operator.tenant_id, session_id: id }])
  }
}

const snapshot = (id: string, attempt: number, commit: string) =>
  checkpointWork(plant.services, worker, id, {
    attempt,
    trigger: 'PERIODIC',
    artifact_id: null,
    commit,
    engine: { session_id: commit },
    size: 1,
  })

/** One task done, the second with a snapshot, one more snapshot, failed once, and all done at the end. */
async function wholeStory() {
  const id = await begin()
  await sendMessage(plant.services, plant.operator, id, 'Keep it short.')
  await finish(await claim(id), hash('1'))
  const second = await claim(id)
  const { number } = await snapshot(second.id, second.attempt, hash('2'))
  await sendMessage(plant.services, plant.operator, id, 'Too late.')
  await snapshot(second.id, second.attempt, hash('3'))
  const failure = { code: 'check_failed' as const, message: 'exit 1', retryable: true, usage }
  await failWork(plant.services, worker, second.id, { attempt: second.attempt, batch: 0, ...failure })
  const text = 'update task set not_before = now() where id = $1'
  await plant.engine.query(null, { name: '', text, values: [second.id] })
  await plant.look([{ kind: 'session', tenant_id: plant.operator.tenant_id, session_id: id }])
  await finish(await claim(id), hash('4'))
  await finish(await claim(id), hash('5'), { branch: `orchestrator/${id}` })
  expect((await read(id)).state).toBe('COMPLETED')
  return { id, number }
}

describe('a fork', () => {
  it('from the middle goes on from the snapshot of then, with the commits of then', async () => {
    const { id, number } = await wholeStory()
    const before = { session: await read(id), tasks: await tasksOf(id) }
    const child = await fork(id, { checkpoint: number, title: 'Another way' })
    expect(child).toMatchObject({ state: 'PENDING', title: 'Another way', base_commit: hash('0') })
    expect(child).toMatchObject({ parent: { session_id: id, checkpoint: number }, usage: noUsage })
    expect(child).toMatchObject({ attempts_finished: 0, result: null, started_at: null, version: 1 })
    expect(await statesOf(child.id)).toEqual(['one COMPLETED', 'two READY'])
    await controlSession(plant.services, plant.operator, child.id, 'start')
    await plant.settle()
    const second = await claim(child.id)
    const { assignment } = second
    expect(assignment).toMatchObject({ resume: { commit: hash('2') }, task: { attempt: 1, failures: 0 } })
    expect(assignment.inputs).toMatchObject([{ key: 'one', commit: hash('1') }])
    expect(assignment.task.instruction).toBe('Do it.')
    expect(assignment.messages.map(({ text }) => text)).toEqual(['Keep it short.'])
    await reportEvents(plant.services, worker, second.id, { attempt: 1, batch: 1, events: [], usage })
    await finish(second, hash('6'), { batch: 1 })
    const last = await claim(child.id)
    expect(last.assignment.inputs.map(({ commit }) => commit)).toEqual([hash('6')])
    await finish(last, hash('7'), { branch: 'mine' })
    const done = await read(child.id)
    expect(done).toMatchObject({ state: 'COMPLETED', result: { branch: 'mine', commit: hash('7') }, usage })
    expect(await verify(child.id)).toMatchObject({ valid: true, last_seq: done.last_seq })
    expect({ session: await read(id), tasks: await tasksOf(id) }).toEqual(before)
  })

  it('from the end of a finished session integrates anew, on a branch of its own', async () => {
    const { id } = await wholeStory()
    const child = await fork(id, { start: true })
    expect(child).toMatchObject({ parent: { session_id: id } })
    expect(child.state).not.toBe('PENDING')
    await plant.settle()
    expect(await statesOf(child.id)).toEqual(['one COMPLETED', 'two COMPLETED', 'integrate ASSIGNED'])
    await finish(await claim(child.id), hash('8'), { branch: `orchestrator/${child.id}` })
    expect(await read(child.id)).toMatchObject({ state: 'COMPLETED', result: { commit: hash('8') } })
  })

  it('from any checkpoint has a history that is whole, proved, and read in pages of any size', async () => {
    const { id } = await wholeStory()
    const story = await eventsOf(id)
    const { items } = await listCheckpoints(plant.services, plant.operator, id, { limit: 100, before: null })
    expect(items.length).toBeGreaterThan(10)
    for (const { number, seq } of items) {
      const child = await fork(id, { checkpoint: number })
      const events = await eventsOf(child.id)
      expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i + 1))
      expect(events.slice(0, seq)).toEqual(
        story.slice(0, seq).map((event) => ({ ...event, session_id: child.id })),
      )
      expect(events[seq]).toMatchObject({
        type: 'session.forked',
        data: { seq, parent: { checkpoint: number } },
      })
      expect(await verify(child.id)).toMatchObject({ valid: true, last_seq: child.last_seq })
      const point = await readCheckpoint(plant.services, plant.operator, child.id, 1)
      expect(point.tasks.map(({ key, state }) => `${key} ${state}`)).toEqual(await statesOf(child.id))
      const paged = []
      for (let after = 0; after < child.last_seq; after += 3)
        paged.push(...(await eventsOf(child.id, after, 3)))
      expect(paged).toEqual(events)
    }
    await plant.settle()
  })

  it('of a session that failed tries again what failed and what was cancelled for it', async () => {
    const id = await begin()
    const { id: task, attempt } = await claim(id)
    const failure = { code: 'check_failed' as const, message: 'exit 1', retryable: false }
    await failWork(plant.services, worker, task, { attempt, batch: 0, ...failure })
    await plant.settle()
    expect((await read(id)).state).toBe('FAILED')
    const child = await fork(id)
    expect(await statesOf(child.id)).toEqual(['one READY', 'two BLOCKED'])
    await controlSession(plant.services, plant.operator, child.id, 'start')
    await plant.settle()
    for (const letter of ['1', '2', '3']) await finish(await claim(child.id), hash(letter))
    expect((await read(child.id)).state).toBe('COMPLETED')
    expect((await read(id)).state).toBe('FAILED')
  })

  it('after the plan takes over the plan of the Architect', async () => {
    const id = await begin(null)
    await finish(await claim(id), hash('1'), { commit: null, plan: planOf(['only']) })
    const { items } = await listCheckpoints(plant.services, plant.operator, id, { limit: 100, before: null })
    const planned = items.filter(({ trigger }) => trigger === 'PLAN_ACCEPTED').at(-1)
    const child = await fork(id, { checkpoint: planned?.number ?? 0 })
    expect(await statesOf(child.id)).toEqual(['plan COMPLETED', 'only READY'])
    await stop(id)
    await controlSession(plant.services, plant.operator, child.id, 'start')
    await plant.settle()
    expect(await statesOf(child.id)).toEqual(['plan COMPLETED', 'only ASSIGNED'])
    await stop(child.id)
  })

  it('remembers what was known at the checkpoint, of the session and of each task, and nothing later', async () => {
    const id = await begin(planOf(['one']))
    const [task] = await tasksOf(id)
    const scopes = [placeOf('SESSION', id), placeOf('TASK', task?.id ?? '')]
    const put = (place: Place, key: string, value: string) => {
      const target = { place, key, based_on: null, quoted: null }
      return putEntry(plant.services, plant.operator, target, { value })
    }
    for (const place of scopes) await put(place, 'style', `tabs in ${place.scope}`)
    const held = await claim(id)
    const { number } = await snapshot(held.id, held.attempt, hash('2'))
    for (const place of scopes) for (const key of ['style', 'late']) await put(place, key, 'spaces')
    const child = await fork(id, { checkpoint: number })
    const grandchild = await fork(child.id)
    for (const one of [child.id, grandchild.id]) {
      const [same] = await tasksOf(one)
      for (const place of [placeOf('SESSION', one), placeOf('TASK', same?.id ?? '')]) {
        const known = (key: string) => readEntry(plant.services, plant.operator, place, key, false)
        expect(await known('style')).toMatchObject({ value: `tabs in ${place.scope}`, version: 1 })
        await expect(known('late')).rejects.toMatchObject({ code: 'not_found' })
      }
      expect(await verify(one)).toMatchObject({ valid: true })
    }
    await finish(held, hash('3'))
    await stop(id)
  })

  it('of a fork is proved down to the first page, and tells what somebody altered there', async () => {
    const { id, number } = await wholeStory()
    const child = await fork(id, { checkpoint: number })
    await sendMessage(plant.services, plant.operator, child.id, 'in the child')
    const grandchild = await fork(child.id, { start: true, checkpoint: 1 })
    await plant.settle()
    expect(await verify(grandchild.id)).toMatchObject({ valid: true })
    const texts = (await eventsOf(grandchild.id)).map(({ type }) => type)
    expect(texts.filter((type) => type === 'session.forked')).toHaveLength(2)
    const log = await readLog(plant.services, plant.operator, grandchild.id, { after: 0, limit: 1_000 })
    expect(log.text).toMatch(/ one task\.completed/)
    expect(log.text).not.toContain('tsk_')
    await stop(grandchild.id)
    const text = `update event_page set page = replace(page, 'Keep it short', 'Keep it long') where session_id = $1`
    await plant.engine.query(null, { name: '', text, values: [id] })
    for (const one of [id, child.id, grandchild.id])
      expect(await verify(one)).toMatchObject({ valid: false, reason: 'a page was altered' })
  })
})

describe('a session that was forked', () => {
  it('cannot be deleted while its forks are there, and they are named', async () => {
    const { id } = await wholeStory()
    const child = await fork(id)
    const refused = deleteSession(plant.services, plant.operator, id)
    await expect(refused).rejects.toMatchObject({ code: 'has_forks', details: { forks: [child.id] } })
    expect(await verify(id)).toMatchObject({ valid: true })
    await deleteSession(plant.services, plant.operator, child.id)
    expect(await verify(id)).toMatchObject({ valid: true })
    await deleteSession(plant.services, plant.operator, id)
    await expect(read(id)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('may run on: what comes after the checkpoint is its own', async () => {
    const id = await begin(planOf(['one']))
    const child = await fork(id)
    const seen = await eventsOf(child.id)
    await finish(await claim(id), hash('1'))
    expect(await eventsOf(child.id)).toEqual(seen)
    expect(await statesOf(child.id)).toEqual(['one READY'])
    await stop(id)
  })
})

describe('a fork is refused', () => {
  it.each([
    ['of a checkpoint that is not there', (id: string) => fork(id, { checkpoint: 99 })],
    ['of a session that is not there', () => fork('ses_00000000000000000000000000')],
    [
      'to another tenant',
      (id: string) => {
        const stranger = operatorOf('ten_00000000000000000000000001')
        return forkSession(plant.services, stranger, id, Fork.parse({}))
      },
    ],
  ])('%s', async (_, refused) => {
    const input = NewSession.parse({ title: 'Goal', prompt: 'Reach it.' })
    const { id } = await createSession(plant.services, plant.operator, input)
    const count = () =>
      plant.engine.query(null, { name: '', text: 'select count(*) from session', values: [] })
    const before = await count()
    await expect(refused(id)).rejects.toMatchObject({ code: 'not_found' })
    expect(await count()).toEqual(before)
  })
})
