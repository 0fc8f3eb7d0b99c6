import { expect, test } from 'vitest'
import { ApiError } from '../client.ts'
import { contextGet } from './context_get.ts'
import { contextList } from './context_list.ts'
import { contextPut } from './context_put.ts'
import type { Memory } from './memory.ts'

const entry = { scope: 'SESSION', key: 'k', value: 'v', version: 3, author: 'agt_1' }

function memoryWith(client: Partial<Memory['client']>) {
  const unexpected = async () => {
    throw new Error('not expected')
  }
  const signal = new AbortController().signal
  const all = { readContext: unexpected, listContext: unexpected, putContext: unexpected, ...client }
  return { client: all, session_id: 'ses_1', task_id: 'tsk_1', attempt: 2, signal }
}

test('a put goes to the session unless said otherwise, quotes the attempt, and answers what is stored', async () => {
  const calls: unknown[] = []
  const memory = memoryWith({
    putContext: async (place, what) => {
      calls.push([place, what])
      return entry
    },
  })
  const { call } = contextPut(memory)
  expect(JSON.parse((await call({ key: 'k', value: null })).text)).toEqual(entry)
  await call({ key: 'k', value: { a: 1 }, scope: 'GLOBAL', version: 3, strategy: 'REJECT' })
  const fence = { task_id: 'tsk_1', attempt: 2 }
  expect(calls).toEqual([
    [
      { scope: 'SESSION', id: 'ses_1', ...fence },
      { key: 'k', version: 0, body: { value: null } },
    ],
    [
      { scope: 'GLOBAL', id: '-', ...fence },
      { key: 'k', version: 3, body: { value: { a: 1 }, strategy: 'REJECT' } },
    ],
  ])
})

test('what is wrong with the arguments is told to the model, and nothing is sent', async () => {
  const { call } = contextPut(memoryWith({}))
  for (const [args, fault] of [
    [{ value: 1 }, /key/],
    [{ key: 'a b', value: 1 }, /words of letters/],
    [{ key: 'a' }, /value|required/],
    [{ key: 'a', value: 1, scope: 'LOCAL' }, /GLOBAL/],
    [{ key: 'a', value: 1, colour: 1 }, /colour/],
    [undefined, /object/],
  ] as const)
    expect(await call(args)).toMatchObject({ error: true, text: expect.stringMatching(fault) })
})

test('a refusal and an outage are told to the model, a conflict with the values that met', async () => {
  const conflict = {
    code: 'context_conflict',
    detail: 'Merge them.',
    version: 4,
    base: 1,
    theirs: 2,
    yours: 3,
  }
  const refuse = (error: Error) =>
    contextPut(
      memoryWith({
        putContext: async () => {
          throw error
        },
      }),
    ).call({ key: 'k', value: 3, version: 3 })
  const refused = await refuse(new ApiError(409, conflict))
  expect(refused.error).toBe(true)
  expect(refused.text).toContain('context_conflict: Merge them.')
  expect(refused.text).toContain('{"version":4,"base":1,"theirs":2,"yours":3}')
  expect(await refuse(new TypeError('fetch failed'))).toMatchObject({
    error: true,
    text: expect.stringMatching(/cannot be reached/),
  })
})

test('a get starts at the task; a list shows long values by their beginning', async () => {
  const places: unknown[] = []
  const memory = memoryWith({
    readContext: async (place, key) => {
      places.push([place.scope, place.id, key])
      return entry
    },
    listContext: async () => ({ items: [entry, { ...entry, value: 'x'.repeat(9_000) }], next_cursor: null }),
  })
  expect(JSON.parse((await contextGet(memory).call({ key: 'k' })).text)).toEqual(entry)
  expect(places).toEqual([['TASK', 'tsk_1', 'k']])
  const { text } = await contextList(memory).call({})
  expect(JSON.parse(text)).toMatchObject({ items: [{ value: 'v' }, { value_begins: expect.any(String) }] })
  expect(text.length).toBeLessThan(2_000)
})
