import { OrchestratorError } from '#core/error'
import { leaseNames } from '#core/lock/keys'
import { admitted } from './admit.ts'
import { type Channel, keyOf, type LiveMessage, wireNameOf } from './channel.ts'
import { fanOut, type Holds } from './fan-out.ts'
import type { Frame } from './frame.ts'
import { exclusiveMs, frameOfNow, lookAtEvents, replay } from './replay.ts'
import type { LiveServices } from './services.ts'
import { following, startOf, type Viewer } from './viewer.ts'

/** The lease of a broadcaster; renewed by each look that another one follows, in ms. */
export const leaseMs = 5_000
/** Looks of one call at a channel; what is left is for the next message. */
const maxLooks = 200
/** However long each takes: half of what the function may run, in ms. */
const followMs = 15_000
/** Looks begin this far apart: what comes meanwhile shares a frame, which costs the same with one event as with ten, in ms. */
const gatherMs = 25
/** However long the posts took, so that what else this process does is not kept from it, in ms. */
const restMs = 10
/** Commits wake nobody for this long once there is something to post: the same call looks again. Its death ends it, in ms. */
const heldBackMs = 1_000
/** A fleet's snapshot goes out this often at most, in ms. */
const snapshotMs = 1_000

/**
 * Looks at channels and posts what is new to those who watch, as long as there is something new. What it was
 * told does not matter, only what is true now: duplicates and lost messages change nothing but the time.
 * Answers the messages whose channel could not be looked at.
 */
export async function broadcast(services: LiveServices, holds: Holds, messages: LiveMessage[]) {
  const channels = new Map(
    messages.flatMap((message) => (message.connection_id ? [] : [[keyOf(message), message]])),
  )
  const replays = messages.filter(({ connection_id }) => connection_id !== undefined)
  const failed: LiveMessage[] = []
  const work = [
    ...[...channels.values()].map((channel) => ({ channel, run: () => follow(services, holds, channel) })),
    ...replays.map((message) => ({ channel: message, run: () => goOn(services, message) })),
  ]
  await Promise.all(
    work.map(async ({ channel, run }) => {
      try {
        await run()
      } catch (error) {
        // A session that was deleted has nothing to say any more.
        if (error instanceof OrchestratorError && error.code === 'not_found') return
        const reason = error instanceof Error ? error.message : String(error)
        const { tenant_id } = channel
        services.report({ event: 'broadcast_failed', channel: wireNameOf(channel), tenant_id, reason })
        failed.push(channel)
      }
    }),
  )
  return failed
}

/** Goes on with a replay that did not end in time. */
async function goOn(services: LiveServices, { connection_id, ...channel }: LiveMessage) {
  const { tenant_id } = channel
  const [mine] = (await services.viewers.of(keyOf(channel))).filter(
    (one) => one.connection_id === connection_id && one.tenant_id === tenant_id,
  )
  if (!mine || (await admitted(services, tenant_id, [mine])).length === 0) return
  await services.viewers.replayed(
    keyOf(channel),
    mine.connection_id,
    mine.after,
    services.now() + exclusiveMs,
  )
  await replay(services, channel, mine.connection_id, { after: mine.after, exclusive: true })
}

/**
 * Looks while the lease is held and there is something new, or somebody has asked for it. Commits wake nobody
 * meanwhile (lookAtSession), so that a channel that is busy costs its queue a message at its beginning, not at each look.
 */
async function follow(services: LiveServices, holds: Holds, { tenant_id, kind, id }: LiveMessage) {
  const channel: Channel = { tenant_id, kind, id }
  let leases = await services.leases.acquire([leaseNames.broadcast(channel)])
  if (leases.length === 0) return lookLater(services, channel)
  const fan = fanOut(services, holds, channel)
  const until = services.now() + followMs
  let isCut = false
  try {
    for (let looks = 0; leases.length > 0; looks++) {
      isCut = looks === maxLooks || services.now() > until
      if (isCut) break
      const began = services.now()
      const look = await lookOnce(services, channel, fan.post)
      if (look === 'more') continue
      if (look === 'posted') await services.pause(Math.max(restMs, began + gatherMs - services.now()))
      leases = await (look === 'posted' ? services.leases.keep(leases) : services.leases.release(leases))
    }
  } finally {
    // What failed comes back by its message; who has rung meanwhile is not to wait for that.
    const rung = await services.leases.leave(leases)
    if (rung.length > 0 || isCut) await services.wake([channel])
  }
  // The lease is free by now: whoever is slow keeps nobody but this call.
  await fan.settled()
}

/**
 * The holder has been told to look again. It may be dead, though, and then nobody would: one look a lease's time
 * later is asked for by the first who is refused.
 */
async function lookLater(services: LiveServices, channel: Channel) {
  if (!(await services.watch.first('retry', channel, leaseMs))) return
  await services.wake([{ ...channel, delay_seconds: Math.ceil(leaseMs / 1_000) + 1 }])
}

type Post = (viewers: Viewer[], frames: Frame[]) => Promise<void>

/** What a look at a session came to: there is more, or what there was is posted. */
type Look = 'more' | 'posted' | 'nothing'

async function lookOnce(services: LiveServices, channel: Channel, post: Post): Promise<Look> {
  if (channel.kind === 'session') return lookAtSession(services, channel, post)
  const { token } = await services.watch.begin(channel)
  if (channel.kind === 'fleet' && !(await services.watch.first('snapshot', channel, snapshotMs))) {
    // One has just gone out: what changed since goes with the next, which is now on its way.
    await services.watch.expect(channel, 2 * snapshotMs)
    await services.wake([{ ...channel, delay_seconds: snapshotMs / 1_000 }])
    return 'nothing'
  }
  const text = await frameOfNow(services, channel)
  const viewers = await services.roster.of(channel)
  if (viewers.length === 0) return forget(services, channel, token)
  if (text) await post(await audience(services, channel, viewers), [{ from: 0, to: 1, text }])
  // An inbox and a snapshot are whole: there is nothing to gather.
  return 'nothing'
}

/** Of the viewers those who are to have the frames now. */
function audience(services: LiveServices, { tenant_id }: Channel, viewers: Viewer[]) {
  return admitted(services, tenant_id, following(viewers, tenant_id, services.now()))
}

/**
 * Pages first, then viewers: whoever is not among them yet has stored its subscription after these pages were
 * committed, and finds them by its own replay.
 */
async function lookAtSession(services: LiveServices, channel: Channel, post: Post): Promise<Look> {
  const { roster, watch, now } = services
  const { token, cursor } = await watch.begin(channel)
  const start = cursor ?? startOf(following(await roster.read(channel), channel.tenant_id, now()), now())
  if (start === null) return forgetUnlessWatched(services, channel, token)
  const { frames, to, last_seq, happened_at } = await lookAtEvents(services, channel, start)
  if (frames.length === 0) return 'nothing'
  const all = await roster.of(channel)
  if (all.length === 0) return forget(services, channel, token)
  const present = await audience(services, channel, all)
  // What is committed from here on is found by the look that follows.
  await Promise.all([watch.expect(channel, heldBackMs), post(present, frames)])
  services.delivered?.(happened_at)
  await watch.advance(channel, to)
  return to < last_seq ? 'more' : 'posted'
}

async function forgetUnlessWatched(
  services: LiveServices,
  channel: Channel,
  token: string | null,
): Promise<Look> {
  const viewers = await services.viewers.of(keyOf(channel))
  return viewers.length === 0 ? forget(services, channel, token) : 'nothing'
}

/** Nobody watches: commits need not wake until somebody does. */
async function forget(services: LiveServices, channel: Channel, token: string | null): Promise<Look> {
  if (token !== null) await services.watch.unmark(channel, token)
  return 'nothing'
}
