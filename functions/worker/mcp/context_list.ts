import * as z from 'zod'
import { ContextKey } from '#core/context/entry'
import { type Memory, memoryTool, placeIn, Scope, scopesText } from './memory.ts'

/** What one answer shows of a value: a list is for finding, and context_get for reading. */
const shownCharacters = 500

/** The tool that lists entries. */
export function contextList(memory: Memory) {
  return memoryTool({
    name: 'context_list',
    description: [
      'List the entries of the memory that agents share, by key: scope, version and the value or its beginning.',
      `Scopes: ${scopesText}. Entries of wider scopes are listed too.`,
      'prefix "a.b" lists a.b and everything under it. next_cursor, when there is one, goes on.',
    ].join(' '),
    schema: z.strictObject({
      scope: Scope.default('TASK'),
      prefix: ContextKey.optional(),
      cursor: z.string().max(200).optional(),
    }),
    async call({ scope, prefix, cursor }) {
      const place = placeIn(memory, scope)
      const page = await memory.client.listContext(place, { prefix, cursor }, memory.signal)
      const items = page.items.map(({ value, ...entry }) => {
        const text = JSON.stringify(value)
        return text.length <= shownCharacters
          ? { ...entry, value }
          : { ...entry, value_begins: text.slice(0, shownCharacters) }
      })
      return { items, next_cursor: page.next_cursor }
    },
  })
}
