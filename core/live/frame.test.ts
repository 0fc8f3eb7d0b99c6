import { describe, expect, test } from 'vitest'
import type { InboxItem } from '#core/agent/wire'
import type { Event } from '#core/event/event'
import { newId } from '#core/id'
import { channelOf } from './channel.ts'
import { eventText, inboxFrame, maxFrameBytes, maxMessageBytes, packEvents } from './frame.ts'

const session_id = newId('session')
const channel = channelOf.session(newId('tenant'), session_id)
const inbox = channelOf.agent(newId('tenant'), newId('agent'))

const anEvent = (seq: number, text: string): Event => ({
  seq,
  session_id,
  at: '2030-01-01T00:00:00.000Z',
  type: 'log',
  data: { stream: 'text', text },
})
const anItem = (text: string): InboxItem => ({
  id: newId('inbox'),
  kind: 'MESSAGE',
  task_id: null,
  attempt: null,
  data: { text },
  created_at: '2030-01-01T00:00:00.000Z',
})

describe('frames', () => {
  test('hold all events in order, without a gap, within the limit', () => {
    const events = Array.from({ length: 400 }, (_, i) => anEvent(i + 5, 'ä'.repeat((i * 37) % 900)))
    const frames = packEvents(channel, events.map(eventText))
    expect(frames.length).toBeGreaterThan(5)
    const read = frames.map(({ text }) => JSON.parse(text))
    expect(read.flatMap((frame) => frame.events)).toEqual(events)
    let last = 4
    for (const [i, { from, to, text }] of frames.entries()) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxFrameBytes)
      expect(from).toBe(last + 1)
      expect(read[i]).toMatchObject({ type: 'events', channel: `session:${session_id}`, from, to })
      last = to
    }
    expect(last).toBe(404)
  })

  test('are as few as the limit allows', () => {
    const events = Array.from({ length: 30 }, (_, i) => anEvent(i + 1, 'x'.repeat(9_000)))
    expect(packEvents(channel, events.map(eventText)).map(({ from, to }) => to - from + 1)).toEqual(
      Array(10).fill(3),
    )
  })

  test('of nothing are none', () => {
    expect(packEvents(channel, [])).toEqual([])
  })

  test('hold an event over the limit alone, and name one that no message carries', () => {
    const events = [
      anEvent(1, 'a'),
      anEvent(2, 'x'.repeat(60_000)),
      anEvent(3, 'y'.repeat(200_000)),
      anEvent(4, 'b'),
    ]
    const frames = packEvents(channel, events.map(eventText))
    expect(frames.map(({ from, to }) => [from, to])).toEqual([
      [1, 1],
      [2, 2],
      [3, 4],
    ])
    expect(JSON.parse(frames[1]?.text ?? '').events[0]).toEqual(events[1])
    expect(JSON.parse(frames[2]?.text ?? '').events[0]).toMatchObject({ seq: 3, data: { omitted: true } })
    for (const { text } of frames) expect(Buffer.byteLength(text)).toBeLessThan(maxMessageBytes + 1_000)
  })
})

describe('the frame of an inbox', () => {
  test('holds what fits, and says when there is more', () => {
    const few = [anItem('a'), anItem('b')]
    expect(JSON.parse(inboxFrame(inbox, few))).toEqual({
      type: 'inbox',
      channel: `agent:${inbox.id}`,
      items: few,
    })
    const many = Array.from({ length: 10 }, () => anItem('x'.repeat(9_000)))
    const { items, more } = JSON.parse(inboxFrame(inbox, many))
    expect(items).toEqual(many.slice(0, 3))
    expect(more).toBe(true)
  })

  test('holds one item that is larger than a frame, and none that no message carries', () => {
    const large = [anItem('x'.repeat(50_000)), anItem('b')]
    expect(JSON.parse(inboxFrame(inbox, large)).items).toEqual(large.slice(0, 1))
    const huge = JSON.parse(inboxFrame(inbox, [anItem('x'.repeat(200_000))]))
    expect(huge).toMatchObject({ items: [], more: true })
  })
})
