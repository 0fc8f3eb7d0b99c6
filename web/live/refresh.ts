import type { QueryClient } from '@tanstack/react-query'
import type { Live } from './live.ts'

/** Bursts become one reading; ms. */
const gatherMs = 250
/** Nouns whose pictures the fleet's word makes old: it comes with each change, and with each confirmation (10 s). */
const nouns = ['fleet', 'ready', 'sessions', 'session_counts', 'session', 'agents', 'tasks', 'approvals']

/** Reads again what is on the screen whenever something has changed, and whenever the link has come back. */
export function refreshOnChange(client: QueryClient, live: Live) {
  let due = false
  let reading = false
  let again = false
  const refresh = async () => {
    due = false
    if (reading) {
      again = true
      return
    }
    reading = true
    await client.invalidateQueries({ predicate: ({ queryKey: [noun] }) => nouns.includes(String(noun)) })
    reading = false
    if (!again) return
    again = false
    changed()
  }
  const changed = () => {
    if (due) return
    due = true
    setTimeout(refresh, gatherMs)
  }
  let wasLive = live.status().state === 'live'
  live.fleet(changed)
  live.onStatus(() => {
    const isLive = live.status().state === 'live'
    if (isLive && !wasLive) changed()
    wasLive = isLive
  })
}
