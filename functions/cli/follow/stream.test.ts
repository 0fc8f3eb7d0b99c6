import { afterEach, describe, expect, test } from 'vitest'
import { Problem, Unexpected, Unreachable } from '../api/errors.ts'
import { type Answer, playApi, problem, sessionId, sse, stream } from '../fixture/api.ts'
import { followEvents, type Signal, type StreamOptions } from './stream.ts'

const timing = {
  page_ms: 1,
  retry_ms: 1,
  silence_ms: 2_000,
  backoff_ms: { first: 5, longest: 20 },
  outage_ms: 5_000,
}
const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

const path = `/sessions/${sessionId}/events`

/** An API whose answers to the stream's requests come from a list; the last one repeats. */
async function apiOf(...answers: Answer[]) {
  let count = 0
  const api = await playApi({
    [`GET ${path}`]: (asked, response) => answers[Math.min(count++, answers.length - 1)]?.(asked, response),
  })
  closers.push(api.close)
  return api
}

function optionsOf(base: string, over: Partial<StreamOptions> = {}): StreamOptions {
  const signal = new AbortController().signal
  return { url: new URL(base + path), after: 0, signal, timing, random: () => 0, now: Date.now, ...over }
}

/** Reads until the event `until` was seen. */
async function read(options: StreamOptions, until: number, on?: (signal: Signal) => void | Promise<void>) {
  const seqs: number[] = []
  const kinds: string[] = []
  for await (const signal of followEvents(options)) {
    kinds.push(signal.kind)
    if (signal.kind === 'event') seqs.push(signal.event.seq)
    await on?.(signal)
    if (seqs.at(-1) === until) break
  }
  return { seqs, kinds }
}

const page =
  (...seqs: number[]): Answer =>
  (_asked, response) =>
    stream(response, seqs.map((seq) => sse(seq)).join(''))

/** Sends some events, then half of another one, and breaks the connection. */
const cut =
  (...seqs: number[]): Answer =>
  (_asked, response) => {
    const half = sse((seqs.at(-1) ?? 0) + 1).slice(0, 40)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(seqs.map((seq) => sse(seq)).join('') + half, () => response.destroy())
  }

describe('the event stream', () => {
  test('goes on after each short answer from the last seq seen', async () => {
    const api = await apiOf(page(1, 2), page(), page(3), page(4))
    const { seqs } = await read(optionsOf(api.base), 4)
    expect(seqs).toEqual([1, 2, 3, 4])
    expect(api.asked.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '2', '2', '3'])
  })

  test('shows events that the server repeats only once', async () => {
    const api = await apiOf(page(1, 2, 2, 1), page(1, 2, 3), page(2, 3, 4))
    expect((await read(optionsOf(api.base), 4)).seqs).toEqual([1, 2, 3, 4])
  })

  test('neither doubles nor loses a line when the connection is cut in the middle of an event', async () => {
    const api = await apiOf(cut(1, 2), cut(3), page(4, 5))
    const { seqs, kinds } = await read(optionsOf(api.base), 5)
    expect(seqs).toEqual([1, 2, 3, 4, 5])
    expect(kinds.filter((kind) => kind === 'away')).toHaveLength(2)
  })

  test('an answer that ends in the middle of an event shows only whole ones', async () => {
    const half: Answer = (_asked, response) => stream(response, sse(1) + sse(2).slice(0, -5))
    const api = await apiOf(half, page(2))
    expect((await read(optionsOf(api.base), 2)).seqs).toEqual([1, 2])
  })

  test('goes on where it was when the server was away for a moment', async () => {
    const api = await apiOf(page(1, 2), page(3))
    let away = 0
    const { seqs, kinds } = await read(optionsOf(api.base), 3, async (signal) => {
      if (signal.kind === 'answered' && away === 0) await api.goAway()
      if (signal.kind === 'away' && ++away === 3) await api.comeBack()
    })
    expect(seqs).toEqual([1, 2, 3])
    expect(kinds.filter((kind) => kind === 'away').length).toBeGreaterThanOrEqual(3)
  })

  test('waits longer after each failure, up to the longest, within the jitter', async () => {
    const busy: Answer = (_asked, response) => problem(response, 503, { title: 'Busy', retryable: true })
    const api = await apiOf(busy, busy, busy, busy, page(1))
    const waits: number[] = []
    await read(optionsOf(api.base, { random: () => 0.999999 }), 1, (signal) => {
      if (signal.kind === 'away') waits.push(Math.round(signal.retry_in_ms))
    })
    expect(waits).toEqual([5, 10, 20, 20])
  })

  test('asks again for a hole, and shows nothing behind it before', async () => {
    const api = await apiOf(page(1, 3), page(2, 3))
    const { seqs, kinds } = await read(optionsOf(api.base), 3)
    expect(seqs).toEqual([1, 2, 3])
    expect(kinds).toContain('hole')
    expect(api.asked[1]?.headers['last-event-id']).toBe('1')
  })

  test('a hole that stays is said to be one', async () => {
    const api = await apiOf(page(1, 3))
    const reading = read(optionsOf(api.base), 3)
    await expect(reading).rejects.toThrow(Unexpected)
    await expect(reading).rejects.toThrow('Event 2 is missing')
  })

  test('an unknown session ends it at once', async () => {
    const api = await apiOf((_asked, response) => problem(response, 404, { title: 'Not found' }))
    await expect(read(optionsOf(api.base), 1)).rejects.toThrow(Problem)
    expect(api.asked).toHaveLength(1)
  })

  test('too long an outage ends it as unreachable', async () => {
    const api = await apiOf(page())
    api.close()
    const options = optionsOf(api.base, { timing: { ...timing, outage_ms: 30 } })
    await expect(read(options, 1)).rejects.toThrow(Unreachable)
  })

  test('a connection that falls silent is given up and made again', async () => {
    const silent: Answer = (_asked, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(sse(1))
    }
    const api = await apiOf(silent, page(2))
    const options = optionsOf(api.base, { timing: { ...timing, silence_ms: 60 } })
    expect((await read(options, 2)).seqs).toEqual([1, 2])
  })

  test('ends without an error when it is interrupted', async () => {
    const api = await apiOf(page(1), () => {})
    const interrupt = new AbortController()
    const options = optionsOf(api.base, { signal: interrupt.signal })
    const { seqs } = await read(options, 99, (signal) => {
      if (signal.kind === 'answered') setImmediate(() => interrupt.abort())
    })
    expect(seqs).toEqual([1])
  })
})
