import * as z from 'zod'
import { type Scope, scopes } from './scope.ts'

/** A key as it is shown: never its hash. */
export type Key = {
  id: string
  /** Its public part, by which people tell keys apart: `oio_<prefix>_…`. */
  prefix: string
  name: string
  scopes: Scope[]
  /** Null: it does not expire. */
  expires_at: string | null
  revoked_at: string | null
  created_at: string
  /** To the minute. */
  last_used_at: string | null
}

export const keyColumns =
  'k.id, k.prefix, k.name, k.scopes, k.expires_at, k.revoked_at, k.created_at, k.last_used_at'

export const NewKey = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[^\p{Cc}]*$/u, 'must not contain control characters'),
  scopes: z
    .array(z.enum(scopes))
    .min(1)
    .max(scopes.length)
    .transform((given) => [...new Set(given)]),
  /** When it stops; null: it does not. */
  expires_at: z.iso
    .datetime({ offset: true })
    .refine((at) => !(Date.parse(at) <= Date.now()), 'must be in the future')
    .nullable()
    .default(null),
})
export type NewKey = z.output<typeof NewKey>
