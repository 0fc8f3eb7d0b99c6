import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readInbox } from '#core/agent/inbox'
import { openDatabase } from '#core/database/database'
import { readEvents } from '#core/event/read'
import { verifyHistory } from '#core/event/verify'
import { databaseServices } from '#core/services'
import { sendMessage } from '#core/session/control'
import { createSession } from '#core/session/create'
import { NewSession } from '#core/session/session'
import { reportEvents } from '#core/task/report'
import { claimTask } from '#core/task/work'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, type Plant } from '../plant.ts'

let plant: Plant
let url: string

beforeAll(async () => {
  url = (await testDatabase()).url
  plant = openPlant(url)
})
afterAll(() => plant.close())

async function written(messages: number) {
  const input = NewSession.parse({ title: 'x', prompt: 'x' })
  const { id } = await createSession(plant.services, plant.operator, input)
  for (let i = 0; i < messages; i++) await sendMessage(plant.services, plant.operator, id, `message ${i}`)
  await plant.settle()
  return id
}

const tamper = (id: string, text: string) => plant.engine.query(null, { name: '', text, values: [id] })
const verify = (id: string) => verifyHistory(plant.services, plant.operator, id)

describe('a history', () => {
  it('that nobody touched is valid, page by page', async () => {
    expect(await verify(await written(4))).toEqual({
      valid: true,
      pages: 5,
      last_seq: 5,
      broken_at: null,
      reason: null,
    })
  })

  it.each([
    [
      'a letter of a page',
      `update event_page set page = replace(page, 'message 2', 'message X')`,
      4,
      /altered/,
    ],
    ['the hash of a page', `update event_page set hash = sha256('x')`, 4, /altered/],
    ['a page and its hash alike', `update event_page set page = '[]', hash = sha256('[]')`, 4, /altered/],
    ['a missing page', 'delete from event_page', 4, /missing/],
  ] as const)('names %s', async (_, text, broken_at, reason) => {
    const id = await written(5)
    await tamper(id, `${text} where session_id = $1 and first_seq = 4`)
    expect(await verify(id)).toMatchObject({ valid: false, broken_at, reason: expect.stringMatching(reason) })
  })

  it.each([
    ['a changed head', `update session set head_hash = sha256('x')`, 6, /head/],
    ['a head that was set back', 'update session set last_seq = 5', 5, /head/],
    ['a head that was set forward', 'update session set last_seq = 7', 7, /missing/],
  ] as const)('names %s', async (_, text, broken_at, reason) => {
    const id = await written(5)
    await tamper(id, `${text} where id = $1`)
    expect(await verify(id)).toMatchObject({ valid: false, broken_at, reason: expect.stringMatching(reason) })
  })

  it('names a missing first and a missing last page', async () => {
    const id = await written(3)
    await tamper(id, 'delete from event_page where session_id = $1 and first_seq = 4')
    expect(await verify(id)).toMatchObject({ valid: false, broken_at: 4 })
    await tamper(id, 'delete from event_page where session_id = $1 and first_seq = 1')
    expect(await verify(id)).toMatchObject({ valid: false, broken_at: 1 })
  })
})

describe('20 reporters of one session at once, over two processes', () => {
  it('leave a gapless seq, every line once, and a valid chain', async () => {
    const keys = Array.from({ length: 20 }, (_, i): [string] => [`t${i}`])
    const input = NewSession.parse({ title: 'x', prompt: 'x', plan: planOf(...keys), start: true })
    const { worker } = await plant.register('many', ['CODE_GENERATION'], 20)
    const { id } = await createSession(plant.services, plant.operator, input)
    await plant.settle()
    const offers = await readInbox(plant.services, worker, 0)
    const tasks = offers.map(({ task_id, attempt }) => ({ id: task_id ?? '', attempt: attempt ?? 0 }))
    expect(tasks).toHaveLength(20)
    await Promise.all(tasks.map((task) => claimTask(plant.services, worker, task.id, task.attempt, true)))
    const second = openDatabase({ url, role: 'app', max: 4 })
    const elsewhere = { ...plant.services, ...databaseServices(second, plant.services.presence) }
    const at = new Date().toISOString()
    const line = (text: string) => ({ type: 'log' as const, at, data: { stream: 'stdout' as const, text } })
    const report = async (task: (typeof tasks)[number], i: number) => {
      const services = i % 2 === 0 ? plant.services : elsewhere
      for (let batch = 1; batch <= 4; batch++) {
        const events = [line(`${i}.${batch}.a`), line(`${i}.${batch}.b`)]
        await reportEvents(services, worker, task.id, { attempt: task.attempt, batch, events })
      }
    }
    const chatter = Array.from({ length: 10 }, (_, i) =>
      sendMessage(elsewhere, plant.operator, id, `message ${i}`),
    )
    await Promise.all([...tasks.map(report), ...chatter])
    await plant.settle()
    await second.end()
    const { items } = await readEvents(plant.services, plant.operator, id, {
      after: 0,
      limit: 1_000,
      types: null,
    })
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, i) => i + 1))
    const texts = items.flatMap(({ type, data }) =>
      type === 'log' && 'text' in data ? [String(data.text)] : [],
    )
    expect(texts).toHaveLength(160)
    expect(new Set(texts).size).toBe(160)
    for (let i = 0; i < 20; i++) {
      const mine = texts.filter((text) => text.startsWith(`${i}.`))
      expect(mine).toEqual([...mine].sort())
    }
    expect(await verify(id)).toMatchObject({ valid: true, last_seq: items.length })
  })
})
