import type { Event } from '#core/event/event'
import { beginAfter, hasNext, isBehind, receive, skipTo, take, told } from './sequence.ts'
import type { FleetFrame, InboxFrame, ServerFrame } from './wire.ts'

/** What a kind of channel makes of the frames that come on it. */
export type Feed<T> = {
  receive(frame: ServerFrame): void
  /** The next value to hand on, which is then gone from here. */
  next(): T | undefined
  /** There is a next value. */
  ready(): boolean
  /** Something is missing that asking again would bring. */
  behind(): boolean
  /** From where a subscription is to go on; undefined where nothing is replayed. */
  after(): number | undefined
}

export type EventFeed = Feed<Event[]> & { skipTo(seq: number): void }

/** Each seq once, in order. At most `most` frames wait here (each is at most 32 KB on the wire). */
export function eventFeed(after: number, most: number): EventFeed {
  let sequence = beginAfter(after)
  return {
    receive(frame) {
      if (frame.type === 'events') sequence = receive(sequence, frame, most)
      if (frame.type === 'subscribed') sequence = told(sequence, frame.last_seq)
    },
    next() {
      const taken = take(sequence)
      sequence = taken.sequence
      return taken.events.length > 0 ? taken.events : undefined
    },
    ready: () => hasNext(sequence),
    behind: () => isBehind(sequence),
    after: () => sequence.last,
    skipTo(seq) {
      sequence = skipTo(sequence, seq)
    },
  }
}

/** The latest picture; an older one that nobody took is forgotten. */
export function fleetFeed(): Feed<FleetFrame> {
  let latest: FleetFrame | undefined
  return {
    receive(frame) {
      if (frame.type === 'fleet') latest = frame
    },
    next() {
      const next = latest
      latest = undefined
      return next
    },
    ready: () => latest !== undefined,
    behind: () => false,
    after: () => undefined,
  }
}

/** Frames as they come. Past `most` that wait further ones are let go: unacknowledged items come again. */
export function inboxFeed(most: number): Feed<InboxFrame> {
  const frames: InboxFrame[] = []
  return {
    receive(frame) {
      if (frame.type === 'inbox' && frame.items.length > 0 && frames.length < most) frames.push(frame)
    },
    next: () => frames.shift(),
    ready: () => frames.length > 0,
    behind: () => false,
    after: () => undefined,
  }
}
