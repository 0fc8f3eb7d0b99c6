import { createServer, type ServerResponse } from 'node:http'
import { makeDashboardFiles } from '#local/dashboard/files'
import { closeServer, listen } from '#local/http'
import { eventOf, recordsAt, sessionId, sessionsAt, sessionsListed } from './history.ts'
import { serveSocket } from './socket.ts'

/**
 * The built page and an API that holds one session of so many events, at one origin. `feed` lets events come at a
 * rate from then on, by the clock: a page that is slow meets more of them at once, not fewer.
 */
export async function serveFixture(folder: string, events: number) {
  let fed = { since: 0, rate: 0, base: events }
  const last = () => fed.base + Math.floor(((performance.now() - fed.since) / 1_000) * fed.rate)
  let files: ReturnType<typeof makeDashboardFiles> | undefined
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const path = url.pathname.replace('/api/v1', '')
    if (!url.pathname.startsWith('/api/')) void files?.(request, response)
    else if (path.endsWith('/events')) answerEvents(url, response, last())
    else if (path === '/sessions') answer(response, listOf(url))
    else answer(response, recordOf(path, last()))
  })
  const closeSocket = serveSocket(server, last)
  const port = await listen(server, 0)
  const origin = `http://localhost:${port}`
  const config = {
    api_url: `${origin}/api/v1`,
    ws_url: origin.replace('http', 'ws'),
    api_key: 'oio_bench',
    environment: 'bench',
  }
  const building = Promise.resolve({ folder, built: false, took_ms: 0 })
  files = makeDashboardFiles({ building, config, hosts: [] })
  return {
    origin,
    feed(rate: number) {
      fed = { base: last(), since: performance.now(), rate }
    },
    /** The seq of the last event that there is. */
    last,
    close() {
      closeSocket()
      return closeServer(server, 500)
    },
  }
}

function answerEvents({ searchParams }: URL, response: ServerResponse, last_seq: number) {
  const after = Number(searchParams.get('after') ?? 0)
  const count = Math.max(0, Math.min(Number(searchParams.get('limit') ?? 100), last_seq - after))
  const items = Array.from({ length: count }, (_, i) => eventOf(after + 1 + i))
  answer(response, { items, next_after: after + count, last_seq })
}

function listOf({ searchParams }: URL) {
  return sessionsAt(searchParams.get('cursor'), Number(searchParams.get('limit') ?? 50))
}

function recordOf(path: string, last_seq: number) {
  const { session, tasks } = recordsAt(last_seq)
  if (path === `/sessions/${sessionId}`) return session
  if (path === `/sessions/${sessionId}/tasks`) return { items: tasks, next_cursor: null }
  if (path.endsWith('/diagnosis'))
    return { session_id: sessionId, state: 'RUNNING', waiting: null, ended: null }
  if (path === '/socket-tickets') return { ticket: 'bench', url: '', expires_at: '' }
  if (path === '/sessions/counts') return { states: { RUNNING: sessionsListed } }
  if (path === '/stats') return { sessions: { RUNNING: 1 }, tasks: {}, agents: {} }
  return { items: [], next_cursor: null }
}

function answer(response: ServerResponse, body: object) {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
