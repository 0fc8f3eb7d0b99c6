import * as z from 'zod'
import type { Actor } from '#core/actor'
import { agentStates } from '#core/agent/states'
import type { Services } from '#core/services'
import { sessionStates } from '#core/session/states'
import { taskStates } from '#core/task/states'
import { Usage } from '#core/usage/usage'

export const Stats = z.object({
  sessions: z.record(z.enum(sessionStates), z.int()),
  tasks: z.record(z.enum(taskStates), z.int()),
  agents: z.record(z.enum(agentStates), z.int()),
  /** Of the agents that are not OFFLINE. */
  slots: z.object({ capacity: z.int(), active: z.int() }),
  usage: Usage,
  attempts: z.object({ finished: z.int(), succeeded: z.int() }),
  /** Succeeded over finished attempts; null when there is none. */
  success_rate: z.number().nullable(),
})
export type Stats = z.infer<typeof Stats>

type Counts = Record<string, number>
type Row = Pick<Stats, 'slots' | 'usage' | 'attempts'> & { sessions: Counts; tasks: Counts; agents: Counts }

const countsOf = (table: string) => /* sql */ `
  (select coalesce(json_object_agg(state, n), '{}') from (select state, count(*) as n from ${table} group by state) c)`
const sumOf = (field: string) => `'${field}', coalesce(sum((usage->>'${field}')::numeric), 0)`
const usageFields = [
  'input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'cost_usd',
]

/** Row-level security narrows every count to the tenant; indexes: session_state, task_list. */
const statsSql = /* sql */ `
select ${countsOf('session')} as sessions, ${countsOf('task')} as tasks, ${countsOf('agent')} as agents,
  (select json_build_object('capacity', coalesce(sum(capacity), 0), 'active', coalesce(sum(active), 0))
   from agent where state <> 'OFFLINE') as slots,
  (select json_build_object(${usageFields.map(sumOf).join(', ')}) from session) as usage,
  (select json_build_object('finished', coalesce(sum(attempts_finished), 0),
                            'succeeded', coalesce(sum(attempts_succeeded), 0)) from session) as attempts`

/** How the fleet of a tenant stands: counts by state, slots, what was used, how much succeeds. */
export async function readStats(services: Pick<Services, 'database'>, actor: Actor): Promise<Stats> {
  const [row] = await services.database.query<Row>(actor.tenant_id, {
    name: 'read_stats',
    text: statsSql,
    values: [],
  })
  if (!row) throw new Error('The statistics answered no row.')
  const { finished, succeeded } = row.attempts
  return Stats.parse({
    ...row,
    sessions: filled(sessionStates, row.sessions),
    tasks: filled(taskStates, row.tasks),
    agents: filled(agentStates, row.agents),
    success_rate: finished === 0 ? null : succeeded / finished,
  })
}

/** Every state has its count, also when nothing is in it. */
function filled(states: readonly string[], counts: Counts) {
  return Object.fromEntries(states.map((state) => [state, counts[state] ?? 0]))
}
