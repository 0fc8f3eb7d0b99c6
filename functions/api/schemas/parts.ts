import * as z from 'zod'
import { Usage } from '#core/usage/usage'
import { answer } from '../document.ts'

/** What the answers of several nouns hold. */
export const time = z.string().meta({ format: 'date-time' })
export const cursor = z.string().nullable()
export const Waiting = z.object({
  reason: z.string(),
  sentence: z.string(),
  since: time,
  until: time.nullable(),
})
export const UsageView = answer('Usage', z.object(Usage.shape))

/** Of a session's budget: what tasks that run may spend before they report again. */
export const Reserved = z.object({ tokens: z.number(), cost_usd: z.number() })
