import { type Channel, wireNameOf } from './channel.ts'
import type { Frame } from './frame.ts'
import { postTo } from './replay.ts'
import type { LiveServices } from './services.ts'
import type { Viewer } from './viewer.ts'

/** Posts under way at once in one call; more only wait for sockets of our own. */
const parallel = 64
/** A viewer that has not taken its frames by then is gone on without, in ms. */
const patienceMs = 150
/** A viewer that was late is left alone this long, and twice as long each further time; it asks for what it missed. */
export const holdMs = 1_000
/** So often in a row late, and it is disconnected: its client comes back when it can. */
export const maxLate = 5

const maxHolds = 10_000

/** Who was late, in this process. A viewer that is held asks by itself: its next frame or confirmation shows the gap. */
export type Holds = Map<string, { until: number; times: number }>

/**
 * Posts to the viewers of a channel, to each in order. A slow one delays nobody: after a short patience the others
 * go on, and what the slow one is not sent meanwhile it asks for.
 */
export function fanOut(services: LiveServices, holds: Holds, channel: Channel) {
  const busy = new Map<string, Promise<void>>()
  const waiting: (() => void)[] = []
  let running = 0

  async function slot<T>(run: () => Promise<T>) {
    if (running >= parallel) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }

  async function postAll(viewer: Viewer, frames: Frame[]) {
    const { connection_id } = viewer
    for (const { to, text } of frames) {
      if (to <= viewer.after) continue
      const posted = await slot(() => postTo(services, channel, connection_id, text))
      if (posted === 'late') return hold(connection_id)
      if (posted === 'gone') break
    }
    holds.delete(connection_id)
  }

  async function hold(connection_id: string) {
    const times = (holds.get(connection_id)?.times ?? 0) + 1
    if (holds.size >= maxHolds) holds.clear()
    holds.set(connection_id, { until: services.now() + holdMs * 2 ** (times - 1), times })
    if (times < maxLate) return
    holds.delete(connection_id)
    services.report({ event: 'viewer_gone', channel: wireNameOf(channel), connection_id })
    await services.sockets.close(connection_id)
  }

  return {
    /** Until all have their frames, or patience is over for those who have not. */
    async post(viewers: Viewer[], frames: Frame[]) {
      for (const viewer of viewers) {
        const { connection_id } = viewer
        if (busy.has(connection_id)) continue
        if ((holds.get(connection_id)?.until ?? 0) > services.now()) continue
        const work = postAll(viewer, frames).finally(() => busy.delete(connection_id))
        busy.set(connection_id, work)
      }
      await patiently(busy)
    },
    /** Until the last post has ended, each by its own deadline. */
    async settled() {
      await Promise.all(busy.values())
    },
  }
}

/** Waits for all, but not for the rest once nothing has come to an end for a while. */
async function patiently(busy: Map<string, Promise<void>>) {
  let left = busy.size
  while (left > 0) {
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs)
    })
    await Promise.race([Promise.all(busy.values()), over])
    clearTimeout(timer)
    if (busy.size >= left) return
    left = busy.size
  }
}
