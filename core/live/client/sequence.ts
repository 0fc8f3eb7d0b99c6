import type { Event } from '#core/event/event'
import type { EventsFrame } from './wire.ts'

type Run = Pick<EventsFrame, 'from' | 'to' | 'events'>

/** What a viewer knows of a log. All of it is data: the same frames in the same order decide the same. */
export type Sequence = {
  /** The last seq that was handed on. */
  readonly last: number
  /** The highest seq that is known to exist. */
  readonly head: number
  /** Runs that are not handed on yet, by `from`. */
  readonly held: readonly Run[]
}

export function beginAfter(seq: number): Sequence {
  return { last: seq, head: seq, held: [] }
}

/**
 * Takes a run in, whatever its place; what is known already changes nothing. At most `most` runs are held:
 * the farthest is let go first, and `head` remembers that it is still to come.
 */
export function receive(sequence: Sequence, run: Run, most: number): Sequence {
  const head = Math.max(sequence.head, run.to)
  const known = sequence.held.some(({ from, to }) => from <= run.from && run.to <= to)
  if (run.to <= sequence.last || known) return { ...sequence, head }
  const held = sequence.held.filter(({ from, to }) => from < run.from || run.to < to)
  const place = held.findIndex(({ from }) => from > run.from)
  held.splice(place === -1 ? held.length : place, 0, run)
  return { ...sequence, head, held: held.slice(0, most) }
}

/** The other side says how far the log goes. */
export function told(sequence: Sequence, last_seq: number): Sequence {
  return { ...sequence, head: Math.max(sequence.head, last_seq) }
}

/** Was read up to `seq` by other means. */
export function skipTo(sequence: Sequence, seq: number): Sequence {
  if (seq <= sequence.last) return sequence
  const held = sequence.held.filter(({ to }) => to > seq)
  return { last: seq, head: Math.max(sequence.head, seq), held }
}

/** The events that come next, each once and without a gap; none when the next one is missing. */
export function take(sequence: Sequence): { sequence: Sequence; events: Event[] } {
  const events: Event[] = []
  let { last } = sequence
  let count = 0
  for (const run of sequence.held) {
    if (run.from > last + 1) break
    events.push(...run.events.slice(Math.max(0, last + 1 - run.from)))
    last = Math.max(last, run.to)
    count += 1
  }
  if (count === 0) return { sequence, events }
  return { sequence: { ...sequence, last, held: sequence.held.slice(count) }, events }
}

export function hasNext({ held, last }: Sequence) {
  const first = held[0]
  return first !== undefined && first.from <= last + 1
}

/** Something is known to exist that was not handed on. */
export function isBehind({ last, head }: Sequence) {
  return last < head
}
