import * as z from 'zod'
import { ContextKey } from '#core/context/entry'
import { type Memory, memoryTool, placeIn, Scope, scopesText } from './memory.ts'

/** The tool that reads one entry. */
export function contextGet(memory: Memory) {
  return memoryTool({
    name: 'context_get',
    description: [
      'Read one entry of the memory that agents share, with its scope and version.',
      `Scopes: ${scopesText}. What a scope does not have is looked for in the wider ones.`,
    ].join(' '),
    schema: z.strictObject({ key: ContextKey, scope: Scope.default('TASK') }),
    call: ({ key, scope }) => memory.client.readContext(placeIn(memory, scope), key, memory.signal),
  })
}
