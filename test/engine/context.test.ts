import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Actor } from '#core/actor'
import type { Place } from '#core/context/entry'
import { readHistory } from '#core/context/history'
import type { Json } from '#core/context/json'
import { listEntries } from '#core/context/list'
import { patchEntry } from '#core/context/patch'
import { putEntry } from '#core/context/put'
import { readEntry } from '#core/context/read'
import { removeEntry } from '#core/context/remove'
import { readEvents } from '#core/event/read'
import { verifyHistory } from '#core/event/verify'
import { deleteSession, sendMessage } from '#core/session/control'
import { createSession } from '#core/session/create'
import { NewSession } from '#core/session/session'
import { testDatabase } from '../database.ts'
import { openPlant, operatorOf, type Plant } from '../plant.ts'

let plant: Plant
let url: string

beforeAll(async () => {
  url = (await testDatabase()).url
  plant = openPlant(url, { pool: 8 })
})
afterAll(() => plant.close())

const global: Place = { scope: 'GLOBAL', id: '-' }
const missing = { code: 'not_found' }

async function aSession(): Promise<Place> {
  const { id } = await createSession(
    plant.services,
    plant.operator,
    NewSession.parse({ title: 'T', prompt: 'P' }),
  )
  return { scope: 'SESSION', id }
}

function put(
  place: Place,
  key: string,
  value: Json,
  based_on: number | null = 0,
  more: object = {},
  who: Actor = plant.operator,
) {
  return putEntry(plant.services, who, { place, key, based_on, quoted: null }, { value, ...more })
}

const read = (place: Place, key: string) => readEntry(plant.services, plant.operator, place, key, true)
const history = async (place: Place, key: string) =>
  (await readHistory(plant.services, plant.operator, place, key, { limit: 100, before: null })).items

async function events(place: Place) {
  const filter = { after: 0, limit: 1_000, types: ['context.updated', 'context.conflicted'] }
  return (await readEvents(plant.services, plant.operator, place.id, filter)).items
}

describe('writers of one entry', () => {
  for (const scope of ['SESSION', 'GLOBAL'] as const)
    test(`fifty at once lose nothing: ${scope}`, async () => {
      const place = scope === 'GLOBAL' ? global : await aSession()
      await put(place, 'shared', { members: {}, list: ['first'] })
      const writers = Array.from({ length: 50 }, (_, i) => i)
      await Promise.all(
        writers.map((i) =>
          put(place, 'shared', { members: { [`m${i}`]: i }, list: ['first', `item ${i}`] }, 1),
        ),
      )
      const { value, version } = await read(place, 'shared')
      expect(version).toBe(51)
      expect(value).toMatchObject({ members: Object.fromEntries(writers.map((i) => [`m${i}`, i])) })
      const list = typeof value === 'object' && value && 'list' in value ? value.list : null
      expect(new Set(Array.isArray(list) ? list : [])).toEqual(
        new Set(['first', ...writers.map((i) => `item ${i}`)]),
      )
      expect((await history(place, 'shared')).map((version) => version.version)).toEqual(
        Array.from({ length: 51 }, (_, i) => 51 - i),
      )
      if (scope === 'GLOBAL') return
      expect(await events(place)).toHaveLength(51)
      expect(await verifyHistory(plant.services, plant.operator, place.id)).toMatchObject({ valid: true })
    })

  test('fifty patches at once, none with a version, are all there', async () => {
    const place = await aSession()
    const target = { place, key: 'p', based_on: null, quoted: null }
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        patchEntry(plant.services, plant.operator, target, { [`n${i}`]: i }),
      ),
    )
    const { value } = await read(place, 'p')
    expect(Object.keys(Object(value))).toHaveLength(50)
  })
})

describe('a conflict', () => {
  test('is settled by the last writer, and both values are in an event and in the history', async () => {
    const place = await aSession()
    await put(place, 'k', { a: 1, same: 0 })
    await put(place, 'k', { a: 2, same: 0 }, 1)
    const entry = await put(place, 'k', { a: 3, same: 0, mine: true }, 1)
    expect(entry).toMatchObject({ version: 3, value: { a: 3, same: 0, mine: true } })
    const conflicts = [{ pointer: '/a', base: 1, theirs: 2, yours: 3 }]
    expect((await events(place)).map(({ type, data }) => [type, data])).toMatchObject([
      ['context.updated', { version: 1 }],
      ['context.updated', { version: 2 }],
      [
        'context.conflicted',
        { key: 'k', met: 2, version: 3, based_on: 1, strategy: 'LAST_WRITER', conflicts },
      ],
      ['context.updated', { version: 3, merged: true, based_on: 1 }],
    ])
    expect((await history(place, 'k'))[0]).toMatchObject({ version: 3, based_on: 1, conflicts })
  })

  test('is settled by the first writer, whose value stands while the other’s is kept', async () => {
    for (const place of [await aSession(), global]) {
      await put(place, 'first', 1, 0, { strategy: 'FIRST_WRITER' })
      await put(place, 'first', 2, 1)
      expect(await put(place, 'first', 3, 1)).toMatchObject({
        version: 3,
        value: 2,
        strategy: 'FIRST_WRITER',
      })
      expect((await history(place, 'first'))[0]?.conflicts).toEqual([
        { pointer: '', base: 1, theirs: 2, yours: 3 },
      ])
    }
  })

  test('is refused under REJECT with all three values; nothing changed but an event that says so', async () => {
    const place = await aSession()
    await put(place, 'r', { a: 1 }, 0, { strategy: 'REJECT' })
    await put(place, 'r', { a: 2 }, 1)
    await expect(put(place, 'r', { a: 3 }, 1)).rejects.toMatchObject({
      code: 'context_conflict',
      details: { version: 2, based_on: 1, base: { a: 1 }, theirs: { a: 2 }, yours: { a: 3 } },
    })
    expect(await read(place, 'r')).toMatchObject({ version: 2, value: { a: 2 } })
    expect(await history(place, 'r')).toHaveLength(2)
    expect((await events(place)).at(-1)).toMatchObject({
      type: 'context.conflicted',
      data: {
        version: null,
        met: 2,
        strategy: 'REJECT',
        conflicts: [{ pointer: '/a', theirs: 2, yours: 3 }],
      },
    })
    expect(await put(place, 'r', { a: 2, b: 1 }, 1)).toMatchObject({ version: 3, value: { a: 2, b: 1 } })
  })

  test('of long values is told whole in events that none is over 24 KB', async () => {
    const place = await aSession()
    const long = (sign: string) => sign.repeat(100_000 / Buffer.byteLength(sign))
    await put(place, 'long', 'short')
    await put(place, 'long', long('"\\'), 1)
    await put(place, 'long', long('😀'), 1)
    const told = (await events(place)).filter(({ type }) => type === 'context.conflicted')
    expect(told.length).toBeGreaterThan(10)
    for (const event of told) expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(24 * 1024)
    expect(told.map(({ data }) => [Reflect.get(data, 'part'), Reflect.get(data, 'more')])).toEqual(
      told.map((_, i) => [i, i < told.length - 1]),
    )
    const json = told.map(({ data }) => Reflect.get(data, 'conflicts_json')).join('')
    expect(JSON.parse(json)).toEqual([{ pointer: '', base: 'short', theirs: long('"\\'), yours: long('😀') }])
  })
})

describe('a write', () => {
  test('that is sent again changes nothing and answers what is there', async () => {
    const place = await aSession()
    await put(place, 'again', { a: 1 })
    await put(place, 'again', { a: 2 }, 1)
    expect(await put(place, 'again', { a: 2 }, 1)).toMatchObject({ version: 2 })
    expect(await history(place, 'again')).toHaveLength(2)
  })

  test('based on a version that never was is refused', async () => {
    const place = await aSession()
    await put(place, 'v', 1)
    await expect(put(place, 'v', 2, 7)).rejects.toMatchObject({
      code: 'precondition_failed',
      details: { version: 1 },
    })
    await expect(put(place, 'none', 2, 1)).rejects.toMatchObject({ code: 'precondition_failed' })
    expect(await history(place, 'v')).toHaveLength(1)
  })

  test('over 256 KB is refused, and so is a merge that would be', async () => {
    const place = await aSession()
    const part = (n: number) => 'x'.repeat(n)
    await expect(put(place, 'big', part(300_000))).rejects.toMatchObject({ code: 'payload_too_large' })
    await put(place, 'big', {})
    await put(place, 'big', { a: part(200_000) }, 1)
    await expect(put(place, 'big', { b: part(200_000) }, 1)).rejects.toMatchObject({
      code: 'payload_too_large',
    })
    expect(await read(place, 'big')).toMatchObject({ version: 2, size: 200_008 })
  })

  test('to a session or task that is not there is refused', async () => {
    await expect(put({ scope: 'SESSION', id: 'ses_x' }, 'a', 1)).rejects.toMatchObject(missing)
    await expect(put({ scope: 'TASK', id: 'tsk_x' }, 'a', 1)).rejects.toMatchObject(missing)
  })
})

describe('deleting', () => {
  test('leaves a tombstone in the history; a new entry goes on from it', async () => {
    const place = await aSession()
    const target = { place, key: 'gone', based_on: null, quoted: null }
    await expect(removeEntry(plant.services, plant.operator, target)).rejects.toMatchObject(missing)
    await put(place, 'gone', 'x')
    await removeEntry(plant.services, plant.operator, target)
    await removeEntry(plant.services, plant.operator, target)
    await expect(read(place, 'gone')).rejects.toMatchObject(missing)
    expect(await history(place, 'gone')).toMatchObject([
      { version: 2, deleted: true, value: null },
      { version: 1, deleted: false, value: 'x' },
    ])
    expect(await put(place, 'gone', 'y')).toMatchObject({ version: 3, value: 'y', deleted: false })
  })

  test('what another has changed meanwhile is a conflict', async () => {
    const place = await aSession()
    await put(place, 'd', 1, 0, { strategy: 'FIRST_WRITER' })
    await put(place, 'd', 2, 1)
    await removeEntry(plant.services, plant.operator, { place, key: 'd', based_on: 1, quoted: null })
    expect(await read(place, 'd')).toMatchObject({ value: 2, version: 3 })
    expect((await history(place, 'd'))[0]?.conflicts).toEqual([{ pointer: '', base: 1, theirs: 2 }])
  })
})

test('reading resolves to the wider scope, and lists show of each key the nearest, page by page', async () => {
  const place = await aSession()
  await put(global, 'where.a', 'global')
  await put(global, 'where.b', 'global')
  await put(global, 'whereabouts', 'other')
  await put(place, 'where.b', 'session')
  expect(await read(place, 'where.a')).toMatchObject({ scope: 'GLOBAL', value: 'global' })
  expect(await read(place, 'where.b')).toMatchObject({ scope: 'SESSION', value: 'session' })
  const list = (resolve: boolean, limit: number, after: string | null) =>
    listEntries(plant.services, plant.operator, place, { resolve, prefix: 'where', limit, after })
  const first = await list(true, 1, null)
  expect(first).toMatchObject({ items: [{ key: 'where.a', scope: 'GLOBAL' }], next_cursor: 'where.a' })
  expect(await list(true, 1, first.next_cursor)).toMatchObject({
    items: [{ key: 'where.b', scope: 'SESSION' }],
    next_cursor: null,
  })
  expect((await list(false, 10, null)).items.map(({ key }) => key)).toEqual(['where.b'])
})

test('writes between decisions of the same session leave one gapless history, and move no version', async () => {
  const place = await aSession()
  const version = async () =>
    (await plant.services.load.session(plant.operator.tenant_id, place.id))?.session.version
  await put(place, 'busy', {})
  expect(await version()).toBe(1)
  const twenty = Array.from({ length: 20 }, (_, i) => i)
  await Promise.all([
    ...twenty.map((i) => sendMessage(plant.services, plant.operator, place.id, `message ${i}`)),
    ...twenty.map((i) => put(place, 'busy', { [`m${i}`]: i }, 1)),
  ])
  const verdict = await verifyHistory(plant.services, plant.operator, place.id)
  expect(verdict).toMatchObject({ valid: true, last_seq: 42 })
})

test('what belongs to a session goes with it', async () => {
  const place = await aSession()
  await put(place, 'k', 1)
  await deleteSession(plant.services, plant.operator, place.id)
  const left = await plant.engine.query(null, {
    name: 'left',
    text: 'select key from context where scope_id = $1 union all select key from context_version where scope_id = $1',
    values: [place.id],
  })
  expect(left).toEqual([])
})

test('another tenant sees no entry', async () => {
  await put(global, 'secret', 1)
  const stranger: Actor = operatorOf('ten_00000000000000000000000001')
  await expect(readEntry(plant.services, stranger, global, 'secret', true)).rejects.toMatchObject(missing)
})
