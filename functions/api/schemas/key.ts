import * as z from 'zod'
import { NewKey } from '#core/key/key'
import { scopes } from '#core/key/scope'
import { answer, body } from '../document.ts'
import { cursor, time } from './parts.ts'

body('NewKey', NewKey)

export const Key = answer(
  'Key',
  z.object({
    id: z.string(),
    prefix: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    expires_at: time.nullable(),
    revoked_at: time.nullable(),
    created_at: time,
    last_used_at: time.nullable(),
  }),
)

export const KeyList = answer('KeyList', z.object({ items: z.array(Key), next_cursor: cursor }))
export const KeyMade = answer('KeyMade', z.object({ key: Key, token: z.string() }))
