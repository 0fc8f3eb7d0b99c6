import * as z from 'zod'

const most = 1_000_000_000
const count = z.int().min(0).max(most)

/** What a tenant may use; null: as much as it likes. */
export const Quotas = z.strictObject({
  max_running_sessions: count.meta({
    description: 'Sessions that run at once; the others wait in the queue.',
  }),
  max_agents: count.meta({ description: 'Agents that are registered, OFFLINE ones among them.' }),
  max_tokens_per_day: z
    .int()
    .min(1)
    .max(1e15)
    .nullable()
    .meta({ description: 'Past them sessions pause until midnight, UTC.' }),
  max_requests_per_second: z
    .int()
    .min(1)
    .max(1_000_000)
    .nullable()
    .meta({ description: 'Of all keys together; each agent has as much again for itself.' }),
})
export type Quotas = z.infer<typeof Quotas>

export const TenantPatch = z.strictObject({ name: z.string().min(1).max(200), ...Quotas.shape }).partial()
export type TenantPatch = z.infer<typeof TenantPatch>

export const Tenant = z.object({
  id: z.string(),
  name: z.string(),
  version: z.int(),
  ...Quotas.shape,
  usage: z.object({
    running_sessions: z.int(),
    queued_sessions: z.int(),
    agents: z.int(),
    tokens_today: z.int(),
    /** When the day's tokens begin anew. */
    day_ends_at: z.string().meta({ format: 'date-time' }),
  }),
  created_at: z.string().meta({ format: 'date-time' }),
})
export type Tenant = z.infer<typeof Tenant>
