import type { Task } from '../../../api/types.ts'
import type { Span } from '../feed/story.ts'

/** The stretch of time that is drawn; in ms since 1970. */
export type Axis = { from: number; to: number }

/** Room on the right of now, for what is said beside a bar; less of it where all is said. */
const room = { live: 1.25, over: 1.06 }
const shortest = 30_000

/** From the first thing that happened to now, or to the end with some room. */
export function axisOf(from: number, now: number, isOver = false): Axis {
  return { from, to: from + Math.max(shortest, (now - from) * (isOver ? room.over : room.live)) }
}

/** A time's place on the axis, from 0 to 1. */
export function ratioOf({ from, to }: Axis, time: number) {
  return Math.max(0, Math.min(1, (time - from) / (to - from)))
}

/** Marks nearer to each other than this share of the axis are one. */
const apart = 0.018

/** Of times in any order those that can be told apart on the axis, the latest of each heap. */
export function apartOn(axis: Axis, times: readonly number[]) {
  const kept: number[] = []
  for (const time of times.toSorted((a, b) => b - a)) {
    const last = kept.at(-1)
    if (last === undefined || ratioOf(axis, last) - ratioOf(axis, time) >= apart) kept.push(time)
  }
  return kept
}

/** Characters that fit across the track, about: whether words have room behind a place on it. */
const across = 110

export function isRoom(text: string, at: number) {
  return text.length <= (1 - at) * across
}

export type Placed = { left: number; width: number }

/** Where a stretch of time lies; what has no end yet ends now. */
export function placeOf(axis: Axis, { from, to }: Pick<Span, 'from' | 'to'>, now: number): Placed {
  const left = ratioOf(axis, from)
  return { left, width: Math.max(0, ratioOf(axis, to ?? now) - left) }
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const steps = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 4, 8, 12, 24, 48].map((n) => n * hour),
]

/** Round times after the start, at most so many. In ms from the start. */
export function ticksOf({ from, to }: Axis, most: number): number[] {
  const span = to - from
  const step = steps.find((one) => span / one <= most) ?? Math.ceil(span / most / hour) * hour
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step)
}

/** 02:00, and from an hour on 1:02:00. */
export function tickText(ms: number) {
  const seconds = Math.floor(ms / second)
  const two = (n: number) => String(n).padStart(2, '0')
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return seconds < 3_600 ? rest : `${Math.floor(seconds / 3_600)}:${rest}`
}

/** What a task's record alone tells of its course: while the history is being read. */
export function roughSpans(task: Task): Span[] {
  const { ready_at, started_at, ended_at, state, attempt, agent_id } = task
  const time = (iso: string | null) => (iso === null ? null : Date.parse(iso))
  const ready = time(ready_at)
  const started = time(started_at)
  const ended = time(ended_at)
  const spans: Span[] = []
  const waits = state === 'READY' || state === 'ASSIGNED'
  const ran = started !== null && !(waits && ready !== null && ready > started)
  if (ready !== null)
    spans.push({
      kind: 'waited',
      from: ready,
      to: ran && started > ready ? started : waits ? null : ready,
      attempt,
      agent_id: null,
      note: null,
    })
  if (ran) {
    const kind =
      state === 'FAILED'
        ? 'failed'
        : state === 'AWAITING_INPUT'
          ? 'asked'
          : state === 'WAITING_CHILDREN'
            ? 'children'
            : 'ran'
    const note = state === 'FAILED' ? (task.error?.message ?? null) : null
    spans.push({ kind, from: started, to: ended, attempt, agent_id, note })
  }
  return spans.filter(({ from, to }) => to === null || to > from)
}

/** How long a task was worked on, in ms; null when it never was. */
export function workedMs(spans: readonly Span[], now: number) {
  const worked = spans.filter(({ kind }) => kind !== 'waited' && kind !== 'children')
  if (worked.length === 0) return null
  return worked.reduce((sum, { from, to }) => sum + Math.max(0, (to ?? now) - from), 0)
}
