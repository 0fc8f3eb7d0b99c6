import { type Channel, keyOf } from './channel.ts'
import type { Viewer, Viewers } from './viewer.ts'
import type { Watch } from './watch.ts'

/** Channels whose viewers one process remembers. */
const maxKept = 1_000

/** The viewers of channels, remembered as long as the channel's mark says that none came, went or began to follow. */
export type Roster = {
  /** To be asked after what is to be posted was read: who is not yet in it has stored its subscription since. */
  of(channel: Channel): Promise<Viewer[]>
  /** As they are stored now, with what they have confirmed; remembered for `of`. */
  read(channel: Channel): Promise<Viewer[]>
}

/** Each change of who watches renews the mark's token (watch.ts); without Redis nothing is remembered. */
export function rosterOf(viewers: Viewers, watch: Watch): Roster {
  const kept = new Map<string, { token: string; viewers: Viewer[] }>()

  async function keep(channel: Channel, token: string | null) {
    const key = keyOf(channel)
    const found = await viewers.of(key)
    kept.delete(key)
    if (kept.size >= maxKept) kept.clear()
    if (token !== null && found.length > 0) kept.set(key, { token, viewers: found })
    return found
  }

  return {
    // The token is read before the viewers: what comes between the two renews it, and is looked for again.
    async of(channel) {
      const token = await watch.token(channel)
      const known = kept.get(keyOf(channel))
      if (known && token !== null && known.token === token) return known.viewers
      return keep(channel, token)
    },
    read: async (channel) => keep(channel, await watch.token(channel)),
  }
}
