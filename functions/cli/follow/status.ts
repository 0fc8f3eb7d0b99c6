import { isTerminal } from '#core/session/states'
import { countedTokens } from '#core/usage/usage'
import type { SessionView } from '../api/records.ts'
import { plain } from '../harmless.ts'
import type { Board } from './board.ts'

/** How events come: over the socket, in short answers because there is no socket, or not at all. */
export type Link =
  | { state: 'connecting' | 'live' | 'catching_up' }
  | { state: 'polling'; reason: string }
  /** `heard_at`: when the API was last heard of, in ms; null when it never was. */
  | { state: 'away'; reason: string; heard_at: number | null }

/**
 * The line at the bottom, as plain text: how it stands, what it cost, how it is known, what it waits for.
 * Without a link it is a picture of the moment.
 */
export function statusLine(session: SessionView, board: Board, link: Link | null, now: number) {
  const { done, total } = board.counts()
  const parts = [
    session.state,
    ...(session.rehearsal ? ['rehearsal'] : []),
    `${done}/${total} tasks`,
    `${short(countedTokens(session.usage))} tokens`,
    money(session.usage.cost_usd),
    elapsed(session, now),
  ]
  const waits = link?.state === 'away' ? undefined : waitsFor(session, board)
  return [...parts, ...(link ? [linkText(link, now)] : []), ...(waits ? [waits] : [])].join(' · ')
}

function linkText(link: Link, now: number) {
  if (link.state === 'polling') return `no live connection (${plain(link.reason)}), asking again and again`
  if (link.state !== 'away')
    return { connecting: 'connecting', live: 'live', catching_up: 'catching up' }[link.state]
  const { reason, heard_at } = link
  const since =
    heard_at === null ? '' : `, last word ${Math.max(0, Math.round((now - heard_at) / 1_000))} s ago`
  return `reconnecting (${plain(reason)}${since})`
}

/** What nothing moves without, in a sentence; undefined while work is going on. */
export function waitsFor({ state, waiting, id }: SessionView, board: Board) {
  if (waiting) return plain(waiting.sentence ?? `waits: ${waiting.reason}`)
  if (state === 'PENDING') return `not started: npx orchestrator session start ${id}`
  if (state === 'QUEUED') return 'waits for its turn'
  if (state === 'PAUSED') return `paused: npx orchestrator session resume ${id}`
  if (isTerminal(state) || board.counts().running > 0) return undefined
  return state === 'RUNNING' ? 'waits for an agent' : 'waits for its agents to hand back their work'
}

/** 950, 1.2k, 3.4M */
export function short(count: number) {
  if (count < 1_000) return String(count)
  if (count < 1_000_000) return `${(count / 1_000).toFixed(1)}k`
  return `${(count / 1_000_000).toFixed(1)}M`
}

export function money(usd: number) {
  return `$${usd.toFixed(usd > 0 && usd < 0.01 ? 4 : 2)}`
}

/** Time from its start to its end, or to now: 42 s, 3:07, 1:02:09. */
export function elapsed({ started_at, ended_at }: Pick<SessionView, 'started_at' | 'ended_at'>, now: number) {
  if (!started_at) return '0 s'
  const end = ended_at ? Date.parse(ended_at) : now
  const seconds = Math.max(0, Math.round((end - Date.parse(started_at)) / 1_000))
  if (seconds < 60) return `${seconds} s`
  const two = (n: number) => String(n).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  const rest = two(seconds % 60)
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`
}
