import * as z from 'zod'
import { answer } from '../document.ts'

export const Health = answer('Health', z.object({ status: z.literal('ok') }))

export const Ready = answer(
  'Ready',
  z.object({
    status: z.enum(['ok', 'degraded']),
    dependencies: z.record(
      z.string(),
      z.object({ ok: z.boolean(), latency_ms: z.number(), error: z.string().nullable() }),
    ),
  }),
)
