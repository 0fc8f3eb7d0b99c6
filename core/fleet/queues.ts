import * as z from 'zod'
import type { Actor } from '#core/actor'
import type { Services } from '#core/services'

const time = z.string().meta({ format: 'date-time' })

/** What a queue itself says; its counts are approximate, and of all tenants. */
export const QueueDepth = z.object({ waiting: z.int(), in_flight: z.int(), dead_letters: z.int().nullable() })
export type QueueDepth = z.infer<typeof QueueDepth>

/** Asks the queue, within a deadline; null when it cannot be asked. */
export type LookAtQueue = () => Promise<QueueDepth | null>

export const Queues = z.object({
  /** Tasks of running sessions that wait for an agent now. */
  tasks: z.object({ waiting: z.int(), oldest_at: time.nullable() }),
  /** Sessions that the engine is due to look at, by their rows; and the queue's own word, null when not known. */
  steps: z.object({ due: z.int(), oldest_at: time.nullable(), queue: QueueDepth.nullable() }),
})
export type Queues = z.infer<typeof Queues>

/** Counting stops here: more than this is due only when nothing moves any more. */
const mostDue = 10_000

type Row = { tasks: Queues['tasks']; steps: Pick<Queues['steps'], 'due' | 'oldest_at'> }

/** Indexes: session_state, task_session_id_key_key, session_live. */
const queuesSql = /* sql */ `
select
  (select json_build_object('waiting', count(*), 'oldest_at', ${iso('min(t.ready_at)')})
   from session s join task t on t.session_id = s.id
   where s.state = 'RUNNING' and t.state = 'READY' and coalesce(t.not_before <= now(), true)) as tasks,
  (select json_build_object('due', count(*), 'oldest_at', ${iso('min(wake_at)')})
   from (select wake_at from session
         where state not in ('COMPLETED', 'FAILED', 'STOPPED') and wake_at <= now() limit ${mostDue}) d) as steps`

function iso(instant: string) {
  return `to_char(${instant} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
}

/** What waits: tasks for an agent, sessions for the engine. */
export async function readQueues(
  services: Pick<Services, 'database'> & { lookAtQueue: LookAtQueue },
  actor: Actor,
): Promise<Queues> {
  const [[row], queue] = await Promise.all([
    services.database.query<Row>(actor.tenant_id, { name: 'read_queues', text: queuesSql, values: [] }),
    services.lookAtQueue(),
  ])
  if (!row) throw new Error('The queues answered no row.')
  return { tasks: row.tasks, steps: { ...row.steps, queue } }
}
