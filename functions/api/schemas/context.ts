import * as z from 'zod'
import { ContextPut, ContextStrategy, contextScopes } from '#core/context/entry'
import { JsonValue } from '#core/context/json'
import { answer, body } from '../document.ts'
import { cursor, time } from './parts.ts'

body('ContextPut', ContextPut)

export const ContextPatch = body(
  'ContextPatch',
  JsonValue.meta({ description: 'A JSON merge patch (RFC 7396).' }),
)

export const ContextEntry = answer(
  'ContextEntry',
  z.object({
    scope: z.enum(contextScopes),
    id: z.string(),
    key: z.string(),
    value: z.unknown(),
    deleted: z.boolean(),
    version: z.int(),
    strategy: ContextStrategy,
    author: z.string(),
    size: z.int(),
    created_at: time,
  }),
)

export const ContextList = answer(
  'ContextList',
  z.object({ items: z.array(ContextEntry), next_cursor: cursor }),
)

const Conflict = z.object({
  pointer: z.string(),
  base: z.unknown().optional(),
  theirs: z.unknown().optional(),
  yours: z.unknown().optional(),
})

const ContextVersion = answer(
  'ContextVersion',
  z.object({ ...ContextEntry.shape, based_on: z.int(), conflicts: z.array(Conflict) }),
)

export const ContextHistory = answer(
  'ContextHistory',
  z.object({ items: z.array(ContextVersion), next_cursor: cursor }),
)
