import { afterEach, describe, expect, test } from 'vitest'
import type { Api } from '../api/client.ts'
import { type Answer, json, playApi, problem, session, sessionId, sse, stream } from '../fixture/api.ts'
import { playTerminal } from '../fixture/terminal.ts'
import type { Terminal } from '../terminal.ts'
import { follow, followTiming } from './follow.ts'

const timing = {
  page_ms: 1,
  retry_ms: 1,
  silence_ms: 2_000,
  backoff_ms: { first: 2, longest: 5 },
  outage_ms: 5_000,
  poll_ms: 20,
  live: followTiming.live,
}
const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

const result = {
  summary: 'Done.',
  branch: 'orchestrator/x',
  commit: 'abc123',
  diff: { files: 2, insertions: 10, deletions: 3 },
}
const path = `/sessions/${sessionId}`

/** Plays a session whose stream answers in turn; it is as `state` says once `after` answers were given. */
async function played(answers: Answer[], end: Record<string, unknown>, over: Partial<Terminal> = {}) {
  let given = 0
  const api = await playApi({
    [`GET ${path}`]: (_asked, response) => json(response, session(given >= answers.length ? end : {})),
    [`GET ${path}/events`]: (asked, response) => {
      const answer = answers[given++]
      return answer ? answer(asked, response) : stream(response, '')
    },
  })
  closers.push(api.close)
  const { terminal, written, interrupt } = playTerminal(over)
  const client: Api = { base: api.base, timeout_ms: 2_000, retry_ms: [], signal: terminal.interrupted }
  const go = (json = false) => follow(terminal, client, sessionId, { json, after: 0, timing })
  return { go, written, interrupt, asked: api.asked }
}

const page =
  (text: string): Answer =>
  (_asked, response) =>
    stream(response, text)
const log = (seq: number, data: Record<string, unknown>) => sse(seq, 'log', data)

describe('follow', () => {
  test('ends with the result once the session has completed and its whole log was shown', async () => {
    const answers = [page(sse(1, 'session.running', {})), page(sse(2, 'session.completed', {}) + sse(3))]
    const end = { state: 'COMPLETED', last_seq: 3, result, rehearsal: true }
    const { go, written } = await played(answers, end)
    expect(await go()).toBe(0)
    for (const words of ['line 3', 'orchestrator/x', 'abc123', '2 files, +10 -3', 'rehearsal']) {
      expect(written.out).toContain(words)
    }
  })

  test.each(['FAILED', 'STOPPED'])('ends with 1 when the session is %s', async (state) => {
    const failure = state === 'FAILED' ? { code: 'plan_invalid', message: 'The plan has a cycle.' } : null
    const answers = [page(sse(1, `session.${state.toLowerCase()}`, {}))]
    const { go, written } = await played(answers, { state, last_seq: 1, failure })
    expect(await go()).toBe(1)
    expect(written.out).toContain(failure?.message ?? 'stopped')
    expect(written.out).toContain(`session retry ${sessionId}`)
  })

  test('goes on when an end in its history was followed by a retry', async () => {
    const history = sse(1, 'session.failed', {}) + sse(2, 'session.retried', {})
    const answers = [page(history), page(sse(3, 'session.completed', {}))]
    const { go, written } = await played(answers, { state: 'COMPLETED', last_seq: 3, result })
    expect(await go()).toBe(0)
    expect(written.out).toContain('session retried')
  })

  test('says that it reconnects, and shows each line once', async () => {
    const half: Answer = (_asked, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(sse(1) + sse(2).slice(0, 30), () => response.destroy())
    }
    const away: Answer = (_asked, response) => problem(response, 503, { title: 'Away', retryable: true })
    const answers = [half, away, page(sse(1) + sse(2)), page(sse(3, 'session.completed', {}))]
    const { go, written } = await played(answers, { state: 'COMPLETED', last_seq: 3, result })
    expect(await go()).toBe(0)
    expect(written.out.match(/line 1/g)).toHaveLength(1)
    expect(written.out.match(/line 2/g)).toHaveLength(1)
    expect(written.out.match(/reconnecting/g)).toHaveLength(1)
    expect(written.out).toContain('connected again')
  })

  test('with --json prints one event a line and nothing else', async () => {
    const answers = [page(sse(1) + sse(2, 'session.completed', {}))]
    const { go, written } = await played(answers, { state: 'COMPLETED', last_seq: 2, result })
    expect(await go(true)).toBe(0)
    const lines = written.out.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).seq)).toEqual([1, 2])
  })

  test('Ctrl-C leaves the session running and says so', async () => {
    const { go, written, interrupt, asked } = await played(
      [page(sse(1)), () => void setImmediate(interrupt)],
      {},
    )
    const code = await go()
    expect(code).toBe(130)
    expect(written.err).toContain('goes on')
    const changing = asked.filter(({ method }) => method !== 'GET').map(({ path }) => path)
    expect(changing.filter((path) => path !== '/socket-tickets')).toEqual([])
  })

  test('an unknown session is a problem, not an empty log', async () => {
    const { terminal } = playTerminal()
    const api = await playApi({})
    closers.push(api.close)
    const client: Api = { base: api.base, timeout_ms: 2_000, retry_ms: [], signal: terminal.interrupted }
    await expect(follow(terminal, client, 'no', { json: false, after: 0, timing })).rejects.toThrow('no')
  })

  test('on a terminal keeps one line at the bottom with what it waits for, and erases it at the end', async () => {
    const waiting = { reason: 'no_agent', sentence: 'No agent online serves TESTING.' }
    let reads = 0
    const api = await playApi({
      [`GET ${path}`]: (_asked, response) => {
        const done = ++reads > 2
        json(response, session(done ? { state: 'COMPLETED', last_seq: 1, result } : { waiting, last_seq: 1 }))
      },
      [`GET ${path}/events`]: (asked, response) => {
        if (!asked.headers['last-event-id']) stream(response, sse(1))
      },
    })
    closers.push(api.close)
    const { terminal, written } = playTerminal({ tty: true, columns: () => 200 })
    const client: Api = { base: api.base, timeout_ms: 2_000, retry_ms: [], signal: terminal.interrupted }
    expect(await follow(terminal, client, sessionId, { json: false, after: 0, timing })).toBe(0)
    expect(written.out).toMatch(
      /RUNNING · 0\/0 tasks · 0 tokens · \$0\.00 · .* · No agent online serves TESTING\./,
    )
    expect(written.out).toContain('\r\x1b[2K✓ completed')
  })

  test('without colour writes no escape at all, whatever the log holds', async () => {
    const evil = log(1, { stream: 'stdout', text: '\x1b[31mred\x1b[0m\x1b[2J\x07\n' })
    const answers = [page(evil + sse(2, 'session.completed', {}))]
    const { go, written } = await played(answers, { state: 'COMPLETED', last_seq: 2, result })
    await go()
    expect(written.out).toContain('│ red\\u0007\n')
    expect(written.out).not.toContain('\x1b')
  })
})
