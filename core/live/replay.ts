import { notFound } from '#core/error'
import { readEvents, readHead } from '#core/event/read'
import { type Channel, keyOf, wireNameOf } from './channel.ts'
import { blockSize } from './event-cache.ts'
import { fleetFrame } from './fleet.ts'
import { eventText, inboxFrame, packEvents } from './frame.ts'
import { type LiveServices, readerOf } from './services.ts'

/** Events of one look: what is left comes with the next. */
export const eventsPerLook = 2_000

/** The next events of a channel behind a seq, packed, and how far the session has come. @throws not_found */
export async function lookAtEvents(services: LiveServices, channel: Channel, after: number) {
  const kept = services.cache.behind(keyOf(channel), after, eventsPerLook)
  const { texts, last_seq } =
    kept.length > 0
      ? { texts: kept, last_seq: await readHead(services, readerOf(channel), channel.id) }
      : await readTexts(services, channel, after)
  const happened_at = texts.map(({ at }) => at)
  return { frames: packEvents(channel, texts), to: texts.at(-1)?.seq ?? after, last_seq, happened_at }
}

/** From the log; whole blocks of it are kept. */
async function readTexts(services: LiveServices, channel: Channel, after: number) {
  const key = keyOf(channel)
  const read = (from: number, limit: number) =>
    readEvents(services, readerOf(channel), channel.id, { after: from, limit, types: null })
  const start = after - (after % blockSize)
  // In the middle of a block that others will want too it is read whole; what is behind it is kept already.
  const isWhole = after > start && services.cache.isWhole(key, after)
  const block = isWhole ? await read(start, blockSize) : null
  // Large events end an answer early: then the block does not come whole, nor perhaps to what is asked for.
  const page = block && block.next_after > after ? block : await read(after, eventsPerLook)
  const texts = page.items.map(eventText)
  services.cache.put(key, texts)
  return { texts: texts.filter(({ seq }) => seq > after), last_seq: page.last_seq }
}

/** What a channel without a history has to say now; null when it is nothing. */
export async function frameOfNow(services: LiveServices, channel: Channel) {
  if (channel.kind === 'fleet') return fleetFrame(services, channel.tenant_id)
  const items = await services.inbox.read(channel.tenant_id, channel.id)
  return items.length > 0 ? inboxFrame(channel, items) : null
}

/** A replay that takes longer goes on in the broadcast function, so that no answer is late, in ms. */
const replayMs = 10_000
/** While it is replayed to, a viewer is left alone by broadcasts; longer than a function may run, in ms. */
export const exclusiveMs = 40_000

/**
 * Replays a session to one viewer and lets it follow: until nothing is left, then the replay ends, and one more
 * look finds what was committed while broadcasts still left the viewer alone. What fails here is found by the
 * viewer's own confirmation.
 */
export async function replay(
  services: LiveServices,
  channel: Channel,
  connection_id: string,
  from: { after: number; exclusive: boolean },
) {
  const { viewers, watch, now } = services
  const key = keyOf(channel)
  const until = now() + replayMs
  let at = from.after
  for (const isLast of from.exclusive ? [false, true] : [true]) {
    const came = await replayUntil(services, channel, connection_id, at, until)
    if (came.end === 'stopped') return
    at = came.at
    if (came.end === 'later') {
      await viewers.replayed(key, connection_id, at, now() + exclusiveMs)
      await services.wake([{ ...channel, connection_id }])
      return
    }
    if (isLast) return
    await viewers.replayed(key, connection_id, at, 0)
    await watch.mark(channel, true)
  }
}

type Came = { at: number; end: 'head' | 'later' | 'stopped' }

async function replayUntil(
  services: LiveServices,
  channel: Channel,
  connection_id: string,
  after: number,
  until: number,
): Promise<Came> {
  let at = after
  for (;;) {
    const { frames, to, last_seq } = await lookAtEvents(services, channel, at)
    for (const { text } of frames) {
      if ((await postTo(services, channel, connection_id, text)) !== 'sent') return { at, end: 'stopped' }
    }
    at = to
    if (at >= last_seq) return { at, end: 'head' }
    if (frames.length === 0) throw notFound('event', `${channel.id}/${at + 1}`)
    if (services.now() > until) return { at, end: 'later' }
  }
}

/** Posts to one viewer, and forgets the connection when it is gone. */
export async function postTo(services: LiveServices, channel: Channel, connection_id: string, text: string) {
  const posted = await services.sockets.post(connection_id, text)
  const named = { channel: wireNameOf(channel), connection_id }
  if (posted === 'late') services.report({ event: 'viewer_late', ...named })
  if (posted === 'gone') {
    services.report({ event: 'viewer_gone', ...named })
    // What is left behind here is found gone again by the next frame, or goes with its time to live.
    await Promise.allSettled([
      services.viewers.drop(keyOf(channel), connection_id),
      services.viewers.disconnect(connection_id),
    ])
    await services.watch.mark(channel, true)
  }
  return posted
}
