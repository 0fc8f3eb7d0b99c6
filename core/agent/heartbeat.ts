import type { Worker } from '#core/actor'
import { channelOf } from '#core/live/channel'
import type { Services } from '#core/services'
import { loseWork } from '#core/task/work'
import type { AgentState } from './states.ts'
import type { Heartbeat, Held } from './wire.ts'

type Row = {
  state: AgentState
  returned: boolean
  held: { task_id: string; attempt: number; session_id: string; state: string }[]
}

/** Read on every heartbeat, written only when an OFFLINE agent is back or its mirrors changed; index: task_held. */
const beatSql = /* sql */ `
with before as (select id, state, repositories from agent where id = $1::text),
back as (
  update agent a set state = case when b.state = 'OFFLINE' then 'ONLINE' else a.state end,
    repositories = $2::text[], last_heartbeat_at = now()
  from before b where a.id = b.id
    and (b.state = 'OFFLINE' or b.repositories <> $2::text[] or a.last_heartbeat_at < now() - interval '60 seconds')
)
select case when b.state = 'OFFLINE' then 'ONLINE' else b.state end as state, b.state = 'OFFLINE' as returned,
  (select coalesce(json_agg(json_build_object(
     'task_id', t.id, 'attempt', t.attempt, 'session_id', t.session_id, 'state', t.state)), '[]')
   from task t where t.agent_id = $1::text and t.state in ('ASSIGNED', 'RUNNING', 'AWAITING_INPUT')) as held
from before b`

/** Heartbeats in a row in which a task may go unnamed: a claim may just be on its way. */
const missesAllowed = 2

/**
 * A sign of life that names what is held. The answer names what is to be dropped: held no longer, or taken over.
 * A task that its agent does not name twice in a row is lost.
 */
export async function heartbeat(services: Services, worker: Worker, body: Heartbeat) {
  await services.presence.beat({ tenant_id: worker.tenant_id, id: worker.agent_id })
  const [row] = await services.database.query<Row>(worker.tenant_id, {
    name: 'heartbeat',
    text: beatSql,
    values: [worker.agent_id, body.repositories],
  })
  if (!row)
    return {
      state: 'OFFLINE' as const,
      drop: body.holding.map((held) => ({ ...held, reason: 'not registered' })),
    }
  const isHeld = ({ task_id, attempt }: Held) =>
    row.held.some((held) => held.task_id === task_id && held.attempt === attempt)
  const drop = body.holding
    .filter((held) => !isHeld(held))
    .map((held) => ({ ...held, reason: 'no longer yours' }))
  if (row.returned) {
    await services.bells.ring([channelOf.fleet(worker.tenant_id)])
    await services.wake([{ kind: 'tenant', tenant_id: worker.tenant_id }])
  }
  await loseUnnamed(services, worker, row, body.holding)
  return { state: row.state, drop }
}

async function loseUnnamed(services: Services, worker: Worker, row: Row, holding: Held[]) {
  const unnamed = row.held.filter(
    ({ task_id, state }) => state !== 'ASSIGNED' && !holding.some((held) => held.task_id === task_id),
  )
  const misses = await services.presence.missed(
    { tenant_id: worker.tenant_id, id: worker.agent_id },
    unnamed.map(({ task_id, attempt }) => `${task_id}:${attempt}`),
  )
  for (const { task_id, attempt } of unnamed) {
    if ((misses.get(`${task_id}:${attempt}`) ?? 0) >= missesAllowed)
      await loseWork(services, worker, task_id, attempt)
  }
}
