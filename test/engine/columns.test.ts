import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { columnsSql, columnValues } from '#core/database/columns'
import { type Database, openDatabase } from '#core/database/database'
import { testDatabase } from '../database.ts'

let database: Database

beforeAll(async () => {
  database = openDatabase({ url: (await testDatabase()).url, role: 'engine', max: 1 })
})
afterAll(() => database.end())

const columns = { word: 'text', count: 'int', at: 'timestamptz', what: 'json' } as const

/** What would break an array's text or a line, and any other text that Postgres can hold. */
const word = fc.oneof(
  fc.constantFrom('', 'null', 'NULL', ',', '{}', '"', '\\', '\n', 'a b', 'ses_01K2QZ7N4C9V'),
  fc.string().filter((text) => !text.includes('\0')),
)
const row = fc.record({
  word: fc.option(word),
  count: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  at: fc.option(fc.constantFrom('2030-01-01T00:00:00.123Z', '1999-12-31T23:59:59.000Z')),
  what: fc.option(fc.dictionary(word, word)),
})

describe('rows that are sent as columns', () => {
  it('arrive as they were, in order, whatever they hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (rows) => {
        const text = `select word, count, at, what::json from ${columnsSql(columns, 1, 'x')} order by place`
        const values = columnValues(columns, rows)
        const arrived = await database.query(null, { name: '', text, values })
        expect(arrived).toEqual(rows)
      }),
      { numRuns: 200 },
    )
  })
})
