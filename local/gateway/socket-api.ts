import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Invoke } from '../invoke.ts'
import { type Log, reasonOf } from '../log.ts'
import { MalformedAnswerError, readAnswer } from './answer.ts'
import { makeFrameGuard } from './frame-guard.ts'
import { makeConnectEvent, makeDisconnectEvent, makeMessageEvent, type Opening } from './socket-event.ts'

/** API Gateway's limits, and one of ours for what a viewer has not read yet. Sizes in bytes, times in ms. */
export type SocketLimits = {
  frameBytes: number
  messageBytes: number
  idleMs: number
  lifeMs: number
  /** What is waiting for a viewer beyond this ends its connection: its client resumes. */
  waitingBytes: number
  /** Messages of one connection in the function at once; more are read later. */
  inFlight: number
}

export const gatewayLimits: SocketLimits = {
  frameBytes: 32 * 1024,
  messageBytes: 128 * 1024,
  idleMs: 600_000,
  lifeMs: 7_200_000,
  waitingBytes: 1024 * 1024,
  inFlight: 16,
}

/** An open connection, as `@connections` sees it. */
export type Connection = Opening & {
  lastActiveAt: number
  /** Writes a text frame; resolves once it has left this process. False when the connection ended instead. */
  send: (text: string | Buffer) => Promise<boolean>
  close: () => void
  /** Ends it without waiting for the client's word. */
  terminate: () => void
}

export type SocketApi = {
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  find: (connectionId: string) => Connection | undefined
  /** Ends every connection, each with its `$disconnect`; a client that says nothing to it within `graceMs` too. */
  stop: (graceMs: number) => Promise<void>
}

const goingAway = 1001
const policyViolation = 1008
const tooBig = 1009
const lost = 1006

/** Eleven bytes in base64, as API Gateway makes them: they end in `=` and need encoding in a path. */
const newConnectionId = (): string => randomBytes(11).toString('base64')

const statusTexts: Record<number, string> = { 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found' }

const refuse = (socket: Duplex, status: number): void => {
  const text = statusTexts[status] ?? (status >= 500 ? 'Bad Gateway' : 'Bad Request')
  socket.end(`HTTP/1.1 ${status} ${text}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}

/** The WebSocket API: real `$connect`, `$default` and `$disconnect` events to one function. */
export const makeSocketApi = (invoke: Invoke, log: Log, limits: SocketLimits): SocketApi => {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: false,
    clientTracking: false,
  })
  const open = new Map<string, Connection & { ended: Promise<void> }>()
  let stopping = false

  const connect = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const now = new Date()
    const opening: Opening = {
      connectionId: newConnectionId(),
      connectedAt: now.getTime(),
      domainName: request.headers.host ?? 'localhost',
      sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
      userAgent: request.headers['user-agent'] ?? '',
    }
    const status = await statusOf(invoke(makeConnectEvent(request, opening, randomUUID(), now)), log)
    if (status >= 300 || socket.destroyed || stopping) {
      if (status < 300) await end(opening, { code: lost, reason: 'the client left' })
      return refuse(socket, stopping ? 502 : status)
    }
    server.handleUpgrade(request, socket, head, (client) => {
      const isWithin = makeFrameGuard(limits.frameBytes)
      // Before the library: what is too big is not to be heard.
      socket.prependListener('data', (bytes: Buffer) => {
        if (!isWithin(bytes)) client.close(tooBig, 'a frame is over the limit')
      })
      keep(opening, client)
    })
  }

  const end = async (opening: Opening, how: { code: number; reason: string }): Promise<void> => {
    try {
      await invoke(makeDisconnectEvent(opening, how, randomUUID(), new Date()))
    } catch (error) {
      log('error', 'socket_route_failed', { route: '$disconnect', reason: reasonOf(error) })
    }
  }

  /** From the open connection to the end of its `$disconnect`. */
  const keep = (opening: Opening, client: WebSocket): void => {
    let inFlight = 0
    const idle = setTimeout(() => client.close(goingAway, 'idle'), limits.idleMs)
    const active = (): void => {
      connection.lastActiveAt = Date.now()
      idle.refresh()
    }
    const life = setTimeout(() => client.close(goingAway, 'life over'), limits.lifeMs)

    const send = (text: string | Buffer): Promise<boolean> => {
      if (client.readyState !== client.OPEN) return Promise.resolve(false)
      if (client.bufferedAmount > limits.waitingBytes) {
        log('warn', 'viewer_too_slow', {
          connection_id: opening.connectionId,
          waiting: client.bufferedAmount,
        })
        client.terminate()
        return Promise.resolve(false)
      }
      active()
      return new Promise((resolve) => client.send(text, { binary: false }, (error) => resolve(!error)))
    }

    const hear = async (data: Buffer): Promise<void> => {
      if (client.readyState !== client.OPEN) return
      active()
      inFlight += 1
      if (inFlight >= limits.inFlight) client.pause()
      try {
        const event = makeMessageEvent(opening, data.toString('utf8'), randomUUID(), new Date())
        await invoke(event)
      } catch (error) {
        // Of a route without an answer API Gateway tells the client only that its function failed.
        log('error', 'socket_route_failed', { route: '$default', reason: reasonOf(error) })
        const frame = { message: 'Internal server error', connectionId: opening.connectionId }
        await send(JSON.stringify(frame))
      } finally {
        inFlight -= 1
        if (client.isPaused) client.resume()
      }
    }

    let resolveEnded = (): void => {}
    const ended = new Promise<void>((resolve) => {
      resolveEnded = resolve
    })
    const close = (): void => client.close(goingAway, 'closed by the service')
    const terminate = (): void => client.terminate()
    const connection = { ...opening, lastActiveAt: opening.connectedAt, send, close, terminate, ended }
    open.set(opening.connectionId, connection)
    active()
    client.on('message', (data, isBinary) => {
      // API Gateway's WebSocket routes take text; binary frames are not part of our protocol.
      if (isBinary || !Buffer.isBuffer(data)) client.close(policyViolation, 'text frames only')
      else void hear(data)
    })
    client.on('ping', active)
    // What ws finds wrong (a message over the limit, bad UTF-8) it closes with the code that says so.
    client.on('error', () => {})
    client.once('close', (code, reason) => {
      clearTimeout(idle)
      clearTimeout(life)
      open.delete(opening.connectionId)
      void end(opening, { code, reason: reason.toString('utf8') }).finally(resolveEnded)
    })
  }

  return {
    upgrade: (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      connect(request, socket, head).catch((error: unknown) => {
        log('warn', 'socket_broken', { reason: reasonOf(error) })
        socket.destroy()
      })
    },
    find: (connectionId) => open.get(connectionId),
    stop: async (graceMs) => {
      stopping = true
      const all = [...open.values()]
      for (const { close } of all) close()
      const late = setTimeout(() => {
        for (const { terminate } of all) terminate()
      }, graceMs)
      await Promise.all(all.map(({ ended }) => ended))
      clearTimeout(late)
    },
  }
}

/** The status that a route answers; 502 for a throw, a timeout or an answer that is none. */
const statusOf = async (invoked: Promise<unknown>, log: Log): Promise<number> => {
  try {
    const { status } = readAnswer(await invoked)
    return status
  } catch (error) {
    const reason = error instanceof MalformedAnswerError ? error.message : reasonOf(error)
    log('error', 'socket_route_failed', { reason })
    return 502
  }
}
