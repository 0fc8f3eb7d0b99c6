import { channelOf } from '#core/live/channel'
import type { Services } from '#core/services'
import { maxDelaySeconds } from '#core/wake/delay'
import type { Wake } from '#core/wake/wake'
import type { Draft } from './draft.ts'

type Heard = Pick<Services, 'bells' | 'wake' | 'told'>

/** Tells the logs of new events, and who waits: agents of their inbox, viewers of the session and of the fleet. */
export function ring(services: Pick<Services, 'bells' | 'told'>, drafts: Draft[]) {
  for (const { session, events } of drafts)
    services.told?.({ tenant_id: session.tenant_id, session_id: session.id }, events)
  return services.bells.ring(
    drafts.flatMap(({ session: { tenant_id, id }, inbox, events }) => [
      ...inbox.map(({ agent_id }) => channelOf.agent(tenant_id, agent_id)),
      ...(events.length > 0 ? [channelOf.session(tenant_id, id)] : []),
      channelOf.fleet(tenant_id),
    ]),
  )
}

/** What the engine has decided and stored: tells who waits, and the queue of each session's next deadline. */
export async function announce(services: Heard, drafts: Draft[], left: Wake[] = []) {
  await Promise.all([ring(services, drafts), services.wake([...left, ...drafts.flatMap(nextLook)])])
}

function nextLook({ session, now }: Draft): Wake[] {
  if (session.wake_at === null) return []
  const delay_seconds = Math.max(0, Math.ceil((Date.parse(session.wake_at) - Date.parse(now)) / 1000))
  if (delay_seconds > maxDelaySeconds) return []
  return [{ kind: 'session', tenant_id: session.tenant_id, session_id: session.id, delay_seconds }]
}
