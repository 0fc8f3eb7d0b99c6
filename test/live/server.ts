import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import type { InboxItem } from '#core/agent/wire'

type Sent = Record<string, unknown>
export type PlayedEvent = {
  seq: number
  session_id: string
  at: string
  type: string
  data: Record<string, unknown>
}

/** What the wire makes of the frames of one look: it may lose, repeat and reorder them. */
export type Wire = (frames: Sent[]) => Sent[]

/** How many events a frame carries at most. */
const frameSize = 50

/**
 * The socket side of the contract, in memory, on a server that a test has: tickets, subscriptions that are
 * replayed and then followed, the fleet, inboxes. A test says what goes wrong.
 */
export class LivePlay {
  readonly #sockets = new WebSocketServer({ noServer: true })
  readonly #watched = new Map<WebSocket, Set<string>>()
  readonly #logs = new Map<string, PlayedEvent[]>()
  readonly #inboxes = new Map<string, InboxItem[]>()
  readonly #tickets = new Set<string>()
  readonly #joined = new Set<() => void>()
  #issued = 0
  wire: Wire = (frames) => frames
  /** While true, there are no tickets, as in a version of the API without sockets. */
  unknown = false
  /** While true, no socket can be opened, though tickets are given. */
  shut = false
  /** While true, connections stay open and nothing is said on them. */
  silent = false
  /** How often a client asked for a sign of life: it had then heard all that was said before. */
  pings = 0
  subscriptions: { channel: string; after: number | undefined }[] = []

  constructor(server: Server) {
    server.on('upgrade', (request, socket, head) => {
      const ticket = new URL(request.url ?? '/', 'ws://localhost').searchParams.get('ticket') ?? ''
      if (this.shut || !this.#tickets.delete(ticket)) {
        socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n')
        return
      }
      this.#sockets.handleUpgrade(request, socket, head, (opened) => this.#serve(opened))
    })
  }

  /** What `POST /socket-tickets` answers: its status and body. */
  give(): [number, unknown] {
    if (this.unknown) return [404, { title: 'Not found', status: 404, code: 'not_found', retryable: false }]
    const ticket = `ticket-${++this.#issued}`
    this.#tickets.add(ticket)
    return [201, { ticket }]
  }

  readonly ticket = (_asked: unknown, response: ServerResponse) => {
    const [status, body] = this.give()
    const type = status < 400 ? 'application/json' : 'application/problem+json'
    response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body))
  }

  get connections() {
    return this.#watched.size
  }

  /** Resolves when a channel is subscribed to, now or later. */
  async watched(channel: string) {
    while (![...this.#watched.values()].some((channels) => channels.has(channel))) {
      await new Promise<void>((resolve) => this.#joined.add(resolve))
    }
  }

  /** Writes events of a session, and posts them to who watches. */
  append(session: string, ...events: { type: string; data?: Record<string, unknown> }[]) {
    const log = this.#logs.get(session) ?? []
    const from = log.length
    for (const { type, data = {} } of events) {
      const seq = log.length + 1
      log.push({ seq, session_id: session, at: '2024-02-03T12:00:00.000Z', type, data })
    }
    this.#logs.set(session, log)
    this.#post(`session:${session}`, () => this.#frames(session, from))
  }

  log(session: string): readonly PlayedEvent[] {
    return this.#logs.get(session) ?? []
  }

  /** Puts an item into an agent's inbox, and posts it. */
  put(agent: string, item: InboxItem) {
    this.#inboxes.set(agent, [...(this.#inboxes.get(agent) ?? []), item])
    this.#post(`agent:${agent}`, () => [{ type: 'inbox', items: [item] }])
  }

  ack(agent: string, id: string) {
    this.#inboxes.set(
      agent,
      (this.#inboxes.get(agent) ?? []).filter((item) => item.id !== id),
    )
  }

  unacked(agent: string) {
    return this.#inboxes.get(agent) ?? []
  }

  /** Cuts connections: all, or those the test picks. */
  kill(pick: () => boolean = () => true) {
    for (const socket of this.#watched.keys()) if (pick()) socket.terminate()
  }

  #serve(socket: WebSocket) {
    this.#watched.set(socket, new Set())
    socket.on('close', () => this.#watched.delete(socket))
    socket.on('error', () => socket.terminate())
    socket.on('message', (data) => this.#hear(socket, JSON.parse(String(data))))
  }

  #hear(socket: WebSocket, { action, channel, after }: Sent) {
    if (this.silent) return
    if (action === 'ping') {
      this.pings += 1
      return this.#send(socket, [{ type: 'pong' }])
    }
    if (typeof channel !== 'string') return
    if (action === 'unsubscribe') return void this.#watched.get(socket)?.delete(channel)
    const from = typeof after === 'number' ? after : undefined
    this.subscriptions.push({ channel, after: from })
    this.#watched.get(socket)?.add(channel)
    this.#send(socket, this.#replay(channel, from ?? 0))
    for (const resolve of this.#joined) resolve()
    this.#joined.clear()
  }

  #replay(channel: string, after: number): Sent[] {
    const [kind, id = ''] = channel.split(':')
    const last_seq = kind === 'session' ? this.log(id).length : 0
    const subscribed = { type: 'subscribed', channel, last_seq }
    if (kind === 'session') return [subscribed, ...this.#frames(id, after)]
    const items = kind === 'agent' ? this.unacked(id) : []
    return items.length > 0 ? [subscribed, { type: 'inbox', items }] : [subscribed]
  }

  #frames(session: string, after: number): Sent[] {
    const log = this.log(session)
    const frames: Sent[] = []
    for (let at = after; at < log.length; at += frameSize) {
      const events = log.slice(at, at + frameSize)
      const ends = { from: at + 1, to: at + events.length }
      frames.push({ type: 'events', channel: `session:${session}`, ...ends, events })
    }
    return frames
  }

  #post(channel: string, frames: () => Sent[]) {
    for (const [socket, channels] of this.#watched) {
      if (channels.has(channel) && !this.silent) this.#send(socket, frames())
    }
  }

  #send(socket: WebSocket, frames: Sent[]) {
    for (const frame of this.wire(frames)) socket.send(JSON.stringify(frame))
  }
}

/** The same with a server of its own that gives tickets and nothing else. */
export async function playLive() {
  const server = createServer((request: IncomingMessage, response) => {
    if (request.method === 'POST') live.ticket(request, response)
    else response.writeHead(404).end()
  })
  const live = new LivePlay(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const stop = async () => {
    live.kill()
    server.close()
    server.closeAllConnections()
    await once(server, 'close').catch(() => {})
  }
  return {
    live,
    base: `http://127.0.0.1:${port}/api/v1`,
    stop,
    async start() {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
  }
}
