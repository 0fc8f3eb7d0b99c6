import { OrchestratorError } from '#core/error'
import { readHead } from '#core/event/read'
import { type Channel, keyOf, readChannel, wireNameOf } from './channel.ts'
import { exclusiveMs, frameOfNow, postTo, replay } from './replay.ts'
import { type LiveServices, readerOf } from './services.ts'
import type { SocketActor } from './ticket.ts'
import { maxSubscriptions } from './viewer.ts'

export type Wish = { channel: string; after: number }

/**
 * Lets a connection watch a channel: what is behind `after` first, then what comes, by one path. Again for a
 * channel that it watches, it is a confirmation, and sends what the viewer says it has not got.
 * @throws invalid_input, forbidden, not_found, too_many_subscriptions; unauthorized when nobody knows the connection
 */
export async function subscribe(services: LiveServices, connection_id: string, wish: Wish) {
  const joined = await services.viewers.join(connection_id, wish.channel)
  if (joined === 'unknown')
    throw new OrchestratorError('unauthorized', 'The connection has ended; open it with a new ticket.')
  if (joined === 'full') throw tooMany()
  const { actor, known } = joined
  const channel = readChannel(wish.channel, actor.tenant_id)
  try {
    if (!channel) throw noSuchChannel()
    authorize(actor, channel)
    await stand(services, actor)
    await begin(services, channel, connection_id, { after: wish.after, known, key_id: keyIdOf(actor) })
  } catch (error) {
    if (!known && error instanceof OrchestratorError && !error.retryable)
      await services.viewers.leave(connection_id, wish.channel)
    throw error
  }
}

/** Ends a subscription. Repeated, or for one that never was, it does nothing. */
export async function unsubscribe(services: LiveServices, connection_id: string, name: string) {
  const channel = await services.viewers.leave(connection_id, name)
  if (channel) await services.watch.mark(channel, true)
}

/** The order is what leaves no gap: stored, then marked as watched, then read (docs/live.md). */
async function begin(
  services: LiveServices,
  channel: Channel,
  connection_id: string,
  { after, known, key_id }: { after: number; known: boolean; key_id: string | null },
) {
  const { viewers, now: clock } = services
  const now = clock()
  const key = keyOf(channel)
  const hasHistory = channel.kind === 'session'
  const exclusive = hasHistory && !known
  await viewers.put(key, {
    connection_id,
    tenant_id: channel.tenant_id,
    key_id,
    after: hasHistory ? after : 0,
    replaying_until: exclusive ? now + exclusiveMs : 0,
    seen_at: now,
  })
  await services.watch.mark(channel, !known)
  const name = wireNameOf(channel)
  if (!hasHistory) {
    const text = await frameOfNow(services, channel)
    const subscribed = JSON.stringify({ type: 'subscribed', channel: name, last_seq: 0 })
    const posted = await postTo(services, channel, connection_id, subscribed)
    if (posted === 'sent' && text) await postTo(services, channel, connection_id, text)
    return
  }
  const last_seq = await readHead(services, readerOf(channel), channel.id)
  const subscribed = JSON.stringify({ type: 'subscribed', channel: name, last_seq })
  if ((await postTo(services, channel, connection_id, subscribed)) !== 'sent') return
  // A seq that is yet to come would keep its events back.
  if (after > last_seq) await viewers.replayed(key, connection_id, last_seq, 0)
  if (exclusive || after < last_seq)
    await replay(services, channel, connection_id, { after: Math.min(after, last_seq), exclusive })
}

/** @throws forbidden */
function authorize(actor: SocketActor, channel: Channel) {
  if (actor.kind === 'operator' && channel.kind !== 'agent') return
  if (actor.kind === 'agent' && channel.kind === 'agent' && channel.id === actor.agent_id) return
  const message =
    actor.kind === 'agent'
      ? `An agent may watch agent:${actor.agent_id} only.`
      : "An inbox is its agent's; watch sessions or the fleet."
  throw new OrchestratorError('forbidden', message)
}

const keyIdOf = (actor: SocketActor) => (actor.kind === 'operator' ? actor.who.key_id : null)

/** @throws unauthorized, upon which the connection is closed */
async function stand(services: LiveServices, actor: SocketActor) {
  const key_id = keyIdOf(actor)
  if (key_id === null || !(await services.ended(actor.tenant_id, [key_id])).has(key_id)) return
  throw new OrchestratorError('unauthorized', 'The key of this connection was revoked, or has expired.')
}

function noSuchChannel() {
  const message = 'must be session:<id>, agent:<id> or fleet'
  return new OrchestratorError('invalid_input', `The channel ${message}.`, {
    errors: [{ pointer: '/channel', message }],
  })
}

function tooMany() {
  const message = `A connection holds at most ${maxSubscriptions} subscriptions; unsubscribe, or open another.`
  return new OrchestratorError('too_many_subscriptions', message)
}
