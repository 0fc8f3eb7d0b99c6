import type { InboxItem } from '#core/agent/wire'
import type { Event } from '#core/event/event'
import { type Channel, wireNameOf } from './channel.ts'

/** Bytes of a frame. One event that is larger than this alone goes in a frame of its own. */
export const maxFrameBytes = 32 * 1024
/** What API Gateway takes as one message is 128 KB; an event beyond this is named, and read over REST. */
export const maxMessageBytes = 120 * 1024

/** A text to post. Of events it holds those from `from` to `to`, without a gap. */
export type Frame = { from: number; to: number; text: string }

/** An event as it goes into a frame, and when it happened. */
export type EventText = { seq: number; at: string; text: string; bytes: number }

/** Packs events, which follow each other, into as few frames as the limit allows. Pure. */
export function packEvents(channel: Channel, events: EventText[]): Frame[] {
  const envelope = Buffer.byteLength(eventsText(channel, 1e15, 1e15, []))
  const frames: Frame[] = []
  let texts: string[] = []
  let bytes = envelope
  let from = 0
  let to = 0
  const close = () => {
    if (texts.length > 0) frames.push({ from, to, text: eventsText(channel, from, to, texts) })
    texts = []
    bytes = envelope
  }
  for (const { seq, text, bytes: own } of events) {
    const size = own + 1
    if (bytes + size > maxFrameBytes) close()
    if (texts.length === 0) from = seq
    texts.push(text)
    to = seq
    bytes += size
  }
  close()
  return frames
}

function eventsText(channel: Channel, from: number, to: number, texts: string[]) {
  const name = JSON.stringify(wireNameOf(channel))
  return `{"type":"events","channel":${name},"from":${from},"to":${to},"events":[${texts.join(',')}]}`
}

export function eventText(event: Event): EventText {
  const { seq, at } = event
  const text = JSON.stringify(event)
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxMessageBytes) return { seq, at, text, bytes }
  // The seq must come, or the viewer would ask for it for ever.
  const named = JSON.stringify({ ...event, data: { omitted: true, bytes } })
  return { seq, at, text: named, bytes: Buffer.byteLength(named) }
}

/**
 * What waits for an agent, as one frame: the first items that fit it, and `more` when there are others, which
 * come once these are acked, or over REST at once.
 */
export function inboxFrame(channel: Channel, items: InboxItem[]) {
  const texts: string[] = []
  let bytes = Buffer.byteLength(inboxText(channel, [], true))
  for (const item of items) {
    const text = JSON.stringify(item)
    bytes += Buffer.byteLength(text) + 1
    const limit = texts.length === 0 ? maxMessageBytes : maxFrameBytes
    if (bytes > limit) break
    texts.push(text)
  }
  return inboxText(channel, texts, texts.length < items.length)
}

function inboxText(channel: Channel, texts: string[], more: boolean) {
  const name = JSON.stringify(wireNameOf(channel))
  return `{"type":"inbox","channel":${name},"items":[${texts.join(',')}]${more ? ',"more":true' : ''}}`
}
