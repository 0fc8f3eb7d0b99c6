import * as z from 'zod'
import { ContextKey, ContextStrategy } from '#core/context/entry'
import { JsonValue } from '#core/context/json'
import { type Memory, memoryTool, placeIn, Scope, scopesText } from './memory.ts'

/** The tool that writes one entry. */
export function contextPut(memory: Memory) {
  return memoryTool({
    name: 'context_put',
    description: [
      'Write one entry of the memory that agents share: any JSON value under a dotted key.',
      `Scopes: ${scopesText}.`,
      'version is the one you read, absent for a new entry; give the whole value, with what you read and your changes.',
      'When others wrote meanwhile, members and list items of both are merged; the answer is what is stored now.',
      'strategy settles what both changed: LAST_WRITER (default), FIRST_WRITER, or REJECT, which refuses the write.',
    ].join(' '),
    schema: z.strictObject({
      key: ContextKey,
      value: JsonValue,
      scope: Scope.default('SESSION'),
      version: z.int().min(0).max(2_147_483_647).default(0),
      strategy: ContextStrategy.optional(),
    }),
    call({ key, value, scope, version, strategy }) {
      const body = { value, ...(strategy ? { strategy } : {}) }
      return memory.client.putContext(placeIn(memory, scope), { key, version, body }, memory.signal)
    },
  })
}
