import type { Actor } from '#core/actor'
import { OrchestratorError } from '#core/error'
import { channelOf } from '#core/live/channel'
import type { Services } from '#core/services'
import { readAgent } from './read.ts'

/** Lets an agent finish what it has and gives it nothing new. Repeated it answers the same. */
export async function drainAgent(services: Services, actor: Actor, id: string) {
  const agent = await readAgent(services, actor, id)
  if (agent.state === 'OFFLINE') {
    const facts = { state: agent.state, action: 'drain', legal_actions: ['register'] }
    throw new OrchestratorError(
      'illegal_transition',
      `${agent.name} is OFFLINE; there is nothing to drain.`,
      { details: facts },
    )
  }
  const woken = await services.database.query<{ id: string }>(actor.tenant_id, {
    name: 'drain_agent',
    text: /* sql */ `
      with touched as materialized (
        select s.id from session s
        where s.id in (select session_id from task where agent_id = $1::text and state = 'ASSIGNED')
        order by s.id for update
      ),
      drained as (
        update agent set state = 'DRAINING' where id = $1::text and state = 'ONLINE' and (select count(*) from touched) >= 0
      )
      update session s set version = s.version + 1, wake_at = now() from touched t where s.id = t.id returning s.id`,
    values: [id],
  })
  await services.bells.ring([channelOf.fleet(actor.tenant_id)])
  await services.wake([
    ...woken.map((row) => ({ kind: 'session' as const, tenant_id: actor.tenant_id, session_id: row.id })),
    { kind: 'tenant', tenant_id: actor.tenant_id },
  ])
  return readAgent(services, actor, id)
}

/** Forgets an agent; what it held is lost and goes elsewhere. */
export async function removeAgent(services: Services, actor: Actor, id: string) {
  await readAgent(services, actor, id)
  const woken = await services.database.query<{ id: string }>(actor.tenant_id, {
    name: 'remove_agent',
    text: /* sql */ `
      with touched as materialized (
        select s.id from session s
        where s.id in (select session_id from task where agent_id = $1::text and state in ('ASSIGNED', 'RUNNING', 'AWAITING_INPUT'))
        order by s.id for update
      ),
      removed as (delete from agent where id = $1::text and (select count(*) from touched) >= 0)
      update session s set version = s.version + 1, wake_at = now() from touched t where s.id = t.id returning s.id`,
    values: [id],
  })
  await services.bells.ring([channelOf.fleet(actor.tenant_id)])
  await services.wake(
    woken.map((row) => ({ kind: 'session', tenant_id: actor.tenant_id, session_id: row.id })),
  )
}
