import * as z from 'zod'
import type { Actor } from '#core/actor'
import type { Services } from '#core/services'

/** How far a history looks back, and how wide its steps are, in seconds. */
export const historyWindows = {
  hour: { seconds: 3_600, step: 60 },
  day: { seconds: 86_400, step: 1_800 },
  week: { seconds: 604_800, step: 10_800 },
} as const
export type HistoryWindow = keyof typeof historyWindows

const count = z.int()
const used = z.object({ tokens: count, cost_usd: z.number() })

export const History = z.object({
  window: z.enum(['hour', 'day', 'week']),
  step_seconds: count,
  /** Oldest first and without a gap; `at` is where a step begins. The last one is not over yet. */
  points: z.array(
    z.object({
      at: z.string().meta({ format: 'date-time' }),
      sessions: z.object({ completed: count, failed: count, stopped: count }),
      tasks: z.object({ completed: count, failed: count }),
      /** What the tasks that ended in this step had used in all. */
      used,
    }),
  ),
  /** What tasks that have not ended have used so far: it counts once they end. */
  open: used,
})
export type History = z.infer<typeof History>

const tokens = (of: string) =>
  ['input_tokens', 'output_tokens', 'reasoning_tokens']
    .map((name) => `(${of}->>'${name}')::numeric`)
    .join(' + ')
const sums = /* sql */ `
  coalesce(sum(${tokens('usage')}), 0) as tokens, coalesce(sum((usage->>'cost_usd')::numeric), 0) as cost_usd`

/**
 * Counts in steps of $3 seconds over the last $2 seconds, by the times that the facts were stored with.
 * Indexes: session_change_pkey, task_ended, and task_list for what has not ended.
 */
const historySql = /* sql */ `
with step as (
  select n, to_timestamp((floor(extract(epoch from now()) / $3::int) - n) * $3::int) as at
  from generate_series(0, $2::int / $3::int - 1) n
),
since as (select min(at) as at from step),
ended as (
  select floor(extract(epoch from c.at) / $3::int) as place, c.to_state as state, count(*) as n
  from session_change c
  where c.tenant_id = $1::text and c.at >= (select at from since) and c.to_state in ('COMPLETED', 'FAILED', 'STOPPED')
  group by 1, 2
),
done as (
  select floor(extract(epoch from t.ended_at) / $3::int) as place,
    count(*) filter (where state = 'COMPLETED') as completed, count(*) filter (where state = 'FAILED') as failed, ${sums}
  from task t
  where t.tenant_id = $1::text and t.ended_at >= (select at from since)
  group by 1
)
select s.at,
  json_build_object(
    'completed', coalesce(sum(e.n) filter (where e.state = 'COMPLETED'), 0),
    'failed', coalesce(sum(e.n) filter (where e.state = 'FAILED'), 0),
    'stopped', coalesce(sum(e.n) filter (where e.state = 'STOPPED'), 0)) as sessions,
  json_build_object('completed', coalesce(max(d.completed), 0), 'failed', coalesce(max(d.failed), 0)) as tasks,
  json_build_object('tokens', coalesce(max(d.tokens), 0), 'cost_usd', coalesce(max(d.cost_usd), 0)) as used,
  (select json_build_object('tokens', o.tokens, 'cost_usd', o.cost_usd) from (
     select ${sums} from task
     where tenant_id = $1::text
       and state in ('BLOCKED', 'READY', 'ASSIGNED', 'RUNNING', 'AWAITING_INPUT', 'WAITING_CHILDREN')) o) as open
from step s
left join ended e on e.place = extract(epoch from s.at) / $3::int
left join done d on d.place = extract(epoch from s.at) / $3::int
group by s.at order by s.at`

type Row = History['points'][number] & { open: History['open'] }

/** What the fleet of a tenant finished and used over time, out of what is stored: at most 60 steps. */
export async function readHistory(
  services: Pick<Services, 'database'>,
  actor: Actor,
  window: HistoryWindow,
): Promise<History> {
  const { seconds, step } = historyWindows[window]
  const rows = await services.database.query<Row>(actor.tenant_id, {
    name: 'read_history',
    text: historySql,
    values: [actor.tenant_id, seconds, step],
  })
  const points = rows.map(({ open: _open, ...point }) => point)
  const open = rows[0]?.open ?? { tokens: 0, cost_usd: 0 }
  return History.parse({ window, step_seconds: step, points, open })
}
