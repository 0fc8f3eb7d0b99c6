import * as z from 'zod'

/** What the audit says of one mutation. `detail` is what was asked, in short. */
export const AuditEntry = z.object({
  id: z.string(),
  at: z.string().meta({ format: 'date-time' }),
  actor: z.object({
    kind: z.enum(['operator', 'agent', 'system']),
    id: z.string().nullable(),
    name: z.string().nullable(),
  }),
  action: z.string(),
  resource: z.object({ kind: z.string(), id: z.string() }),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  request_id: z.string(),
  detail: z.object({ path: z.string(), body: z.record(z.string(), z.unknown()).nullable() }),
})
export type AuditEntry = z.infer<typeof AuditEntry>
