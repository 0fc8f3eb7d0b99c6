import { afterEach, describe, expect, test, vi } from 'vitest'
import { liveTiming } from '#core/live/client/inputs'
import { LivePlay } from '../../../test/live/server.ts'
import type { Api } from '../api/client.ts'
import { json, playApi, session, sessionId, sse, stream } from '../fixture/api.ts'
import { playTerminal } from '../fixture/terminal.ts'
import type { Terminal } from '../terminal.ts'
import { follow } from './follow.ts'

const timing = {
  page_ms: 1,
  retry_ms: 1,
  silence_ms: 2_000,
  backoff_ms: { first: 2, longest: 5 },
  outage_ms: 5_000,
  poll_ms: 50,
  live: {
    ...liveTiming,
    backoff: { first: 2, longest: 5 },
    refused: { first: 2, longest: 5 },
    quiet: 100,
    pong: 100,
    answer: 20,
    confirm: 100,
    tick: 2,
    offline: 5_000,
  },
}
const path = `/sessions/${sessionId}`
const channel = `session:${sessionId}`
const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** An API with sockets that plays one session, which has ended once its log says so. */
async function played(over: Partial<Terminal> = {}, offline = timing.live.offline) {
  let read = 0
  const api = await playApi({
    'POST /socket-tickets': (asked, response) => live.ticket(asked, response),
    [`GET ${path}`]: (_asked, response) => {
      const log = live.log(sessionId)
      const ended = log.some(({ type }) => type === 'session.completed')
      json(response, session({ last_seq: log.length, ...(ended ? { state: 'COMPLETED' } : {}) }))
    },
    [`GET ${path}/events`]: ({ headers }, response) => {
      read += 1
      const after = Number(headers['last-event-id'] ?? 0)
      const log = live.log(sessionId).slice(after)
      stream(response, log.map(({ seq, type, data }) => sse(seq, type, data)).join(''))
    },
  })
  const live = new LivePlay(api.server)
  closers.push(() => {
    live.kill()
    api.close()
  })
  const { terminal, written, interrupt } = playTerminal(over)
  const client: Api = { base: api.base, timeout_ms: 2_000, retry_ms: [], signal: terminal.interrupted }
  const given = { ...timing, live: { ...timing.live, offline } }
  const go = () => follow(terminal, client, sessionId, { json: false, after: 0, timing: given })
  const said = (words: string) =>
    vi.waitFor(() => expect(written.out).toContain(words), { timeout: 5_000, interval: 2 })
  return { api, live, go, written, said, interrupt, reads: () => read }
}

const line = (text: string) => ({ type: 'log', data: { stream: 'text', text: `${text}\n` } })
const end = { type: 'session.completed' }

/** The log's lines that were shown, in order. */
const shown = (out: string) => [...out.matchAll(/line (\d+)\n/g)].map(([, number]) => Number(number))

describe('following over the socket', () => {
  test('shows the log and ends with the result, and asks for no page of it', async () => {
    const { live, go, written, reads } = await played()
    live.append(sessionId, line('line 1'))
    const following = go()
    await live.watched(channel)
    live.append(sessionId, line('line 2'), end, line('line 3'))
    expect(await following).toBe(0)
    expect(shown(written.out)).toEqual([1, 2, 3])
    expect(reads()).toBe(0)
  })

  test('a gateway that is pulled and started again neither doubles nor loses a line', async () => {
    const { api, live, go, written, said, reads } = await played()
    const following = go()
    await live.watched(channel)
    live.append(sessionId, line('line 1'), line('line 2'))
    await said('line 2')
    live.kill()
    await api.goAway()
    live.append(sessionId, line('line 3'))
    await said('reconnecting')
    await api.comeBack()
    await live.watched(channel)
    live.append(sessionId, line('line 4'), end)
    expect(await following).toBe(0)
    expect(shown(written.out)).toEqual([1, 2, 3, 4])
    expect(written.out.match(/reconnecting/g)).toHaveLength(1)
    expect(written.out.match(/connected again/g)).toHaveLength(1)
    expect(reads()).toBe(0)
  })

  test('without sockets the log is read in short answers', async () => {
    const { live, go, written, reads } = await played()
    live.unknown = true
    live.append(sessionId, line('line 1'), line('line 2'), end)
    expect(await go()).toBe(0)
    expect(shown(written.out)).toEqual([1, 2])
    expect(reads()).toBeGreaterThan(0)
  })

  test('a socket that can be had only later takes over from the short answers, and nothing comes twice', async () => {
    const { live, go, written, said } = await played()
    live.shut = true
    live.append(sessionId, line('line 1'))
    const following = go()
    await said('line 1')
    live.append(sessionId, line('line 2'))
    live.shut = false
    await live.watched(channel)
    live.append(sessionId, line('line 3'), end)
    expect(await following).toBe(0)
    expect(shown(written.out)).toEqual([1, 2, 3])
  })

  test('what the socket brings while a short answer is still being shown is not shown again', async () => {
    let read: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      read = resolve
    })
    let reads = () => true
    const drained = async () => {
      if (!reads()) await gate
    }
    const { live, go, written, said } = await played({ drained })
    reads = () => shown(written.out).length === 0
    live.shut = true
    live.append(sessionId, line('line 1'), line('line 2'), line('line 3'))
    const following = go()
    await said('line 1')
    live.shut = false
    await vi.waitUntil(() => live.pings > 0, { timeout: 5_000, interval: 2 })
    read()
    live.append(sessionId, end)
    expect(await following).toBe(0)
    expect(shown(written.out)).toEqual([1, 2, 3])
  })

  test('while only the socket is away for long, the short answers go on where it was', async () => {
    const { live, go, written, said, reads } = await played({}, 20)
    const following = go()
    await live.watched(channel)
    live.append(sessionId, line('line 1'))
    await said('line 1')
    live.shut = true
    live.kill()
    live.append(sessionId, line('line 2'))
    await said('line 2')
    expect(reads()).toBeGreaterThan(0)
    live.shut = false
    await live.watched(channel)
    live.append(sessionId, line('line 3'), end)
    expect(await following).toBe(0)
    expect(shown(written.out)).toEqual([1, 2, 3])
  })

  test('a session that the socket refuses is read in short answers', async () => {
    const { live, go, written } = await played()
    live.wire = () => [{ type: 'error', code: 'forbidden', message: 'Not yours.', channel }]
    live.append(sessionId, line('line 1'), end)
    expect(await go()).toBe(0)
    expect(shown(written.out)).toEqual([1])
  })

  test('the line at the bottom says how the link stands', async () => {
    const { api, live, go, written, said } = await played({ tty: true, columns: () => 200 })
    const following = go()
    await said(' · live · ')
    live.kill()
    await api.goAway()
    await said('· reconnecting (')
    expect(written.out).toMatch(/reconnecting \([^)]+, last word 0 s ago\)/)
    await api.comeBack()
    live.append(sessionId, end)
    expect(await following).toBe(0)
    expect(written.out).toContain('connecting')
  })

  test('without sockets the line at the bottom says so', async () => {
    const { live, go, said } = await played({ tty: true, columns: () => 200 })
    live.unknown = true
    const following = go()
    await said('· no live connection (')
    live.append(sessionId, end)
    expect(await following).toBe(0)
  })

  test('Ctrl-C ends it at once', async () => {
    const { live, go, interrupt } = await played()
    const following = go()
    await live.watched(channel)
    interrupt()
    expect(await following).toBe(130)
  })
})
