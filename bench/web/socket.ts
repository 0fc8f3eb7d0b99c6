import type { Server } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import { channelOf, wireNameOf } from '#core/live/channel'
import type { ClientMessage } from '#core/live/client/wire'
import { packEvents } from '#core/live/frame'
import { eventOf, sessionId } from './history.ts'

/** What comes within so many ms is posted together, as a broadcast gathers it. */
const gatherMs = 25
const channel = channelOf.session('', sessionId)

function textOf(seq: number) {
  const event = eventOf(seq)
  const text = JSON.stringify(event)
  return { seq, at: event.at, text, bytes: Buffer.byteLength(text) }
}

/** Gives every viewer of the session what is behind its place, and then what comes, in the frames of the product. */
export function serveSocket(server: Server, last: () => number) {
  const sockets = new WebSocketServer({ server })
  const places = new Map<WebSocket, number>()
  const post = (socket: WebSocket, after: number) => {
    const events = Array.from({ length: last() - after }, (_, i) => textOf(after + 1 + i))
    for (const { text, to } of packEvents(channel, events)) {
      socket.send(text)
      places.set(socket, to)
    }
  }
  sockets.on('connection', (socket) => {
    socket.on('close', () => places.delete(socket))
    socket.on('message', (bytes) => {
      const message: ClientMessage = JSON.parse(String(bytes))
      if (message.action === 'ping') socket.send('{"type":"pong"}')
      if (message.action !== 'subscribe') return
      const isSession = message.channel === wireNameOf(channel)
      const last_seq = isSession ? last() : 0
      socket.send(JSON.stringify({ type: 'subscribed', channel: message.channel, last_seq }))
      if (isSession) places.set(socket, message.after ?? last_seq)
    })
  })
  const turns = setInterval(() => {
    for (const [socket, place] of places) if (socket.readyState === WebSocket.OPEN) post(socket, place)
  }, gatherMs)
  return () => {
    clearInterval(turns)
    for (const socket of sockets.clients) socket.terminate()
    sockets.close()
  }
}
