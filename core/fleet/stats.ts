import type { Actor } from '#core/actor'
import { agentStates } from '#core/agent/states'
import type { Services } from '#core/services'
import { sessionStates } from '#core/session/states'
import { taskStates } from '#core/task/states'
import type { Stats } from './wire.ts'

type Row = Omit<Stats, 'success_rate'>

/** Every state has its count, also when nothing is in it. */
const countsOf = (table: string, states: string) => /* sql */ `
  (select json_object_agg(every.name, coalesce(c.n, 0))
   from unnest(${states}::text[]) as every(name)
   left join (select state, count(*) as n from ${table} group by state) c on c.state = every.name)`
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
select ${countsOf('session', '$1')} as sessions, ${countsOf('task', '$2')} as tasks, ${countsOf('agent', '$3')} as agents,
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
    values: [sessionStates, taskStates, agentStates],
  })
  if (!row) throw new Error('The statistics answered no row.')
  const { finished, succeeded } = row.attempts
  return { ...row, success_rate: finished === 0 ? null : succeeded / finished }
}
