import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { sendProblem } from './gateway/answer.ts'
import { type ArtifactOptions, artifactsPath, makeArtifactStore } from './gateway/artifacts.ts'
import { connectionsPath, makeConnectionsApi } from './gateway/connections.ts'
import { makeHttpApi } from './gateway/http-api.ts'
import { isLocalRequest } from './gateway/origin.ts'
import { gatewayLimits, makeSocketApi, type SocketLimits } from './gateway/socket-api.ts'
import { closeServer, listen } from './http.ts'
import type { Invoke } from './invoke.ts'
import { type Log, reasonOf } from './log.ts'
import { choosePort, loopback } from './port.ts'
import type { Service } from './services/service.ts'

export type GatewayOptions = {
  port?: number | undefined
  /** The function behind every HTTP route. */
  invoke: Invoke
  /** The function behind the WebSocket routes, and limits other than API Gateway's. */
  socket?: { invoke: Invoke; limits?: Partial<SocketLimits> }
  artifacts: ArtifactOptions
  log: Log
  /** Host names, besides the loopback's, under which requests may come. */
  hosts?: readonly string[]
  /** The address to listen on, when it is not the loopback. */
  listenOn?: string | undefined
  /** Requests at once, above which we answer 429 as a Lambda account's limit does. */
  maxInFlight?: number
  /** What is in flight at the end may take this long. */
  graceMs?: number
}

/** The one address of the product: HTTP to the api function, WebSockets to the socket function, and the artifact folder. */
export const startGateway = async (options: GatewayOptions): Promise<Service> => {
  const { log, hosts = [], maxInFlight = 1_000, graceMs = 5_000 } = options
  const api = makeHttpApi(options.invoke, log)
  const artifacts = makeArtifactStore(options.artifacts)
  const limits = { ...gatewayLimits, ...options.socket?.limits }
  const sockets = options.socket ? makeSocketApi(options.socket.invoke, log, limits) : null
  const connections = sockets && makeConnectionsApi(sockets, limits.messageBytes)
  let inFlight = 0
  let closing = false

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const requestId = randomUUID()
    if (!isLocalRequest(request, hosts)) {
      const detail = 'This address is for programs and pages of this machine.'
      const problem = { status: 403, code: 'foreign_origin', title: 'Forbidden', detail, retryable: false }
      return sendProblem(response, requestId, problem)
    }
    if (inFlight > maxInFlight) {
      const detail = `${maxInFlight} requests are in flight.`
      const problem = {
        status: 429,
        code: 'too_many_requests',
        title: 'Too Many Requests',
        detail,
        retryable: true,
      }
      return sendProblem(response, requestId, problem)
    }
    if (request.url?.startsWith(artifactsPath)) return artifacts(request, response)
    if (connections !== null && request.url?.startsWith(connectionsPath))
      return connections(request, response)
    return api(request, response, requestId)
  }

  const server = createServer({ requestTimeout: 300_000 }, (request, response) => {
    inFlight += 1
    response.once('close', () => {
      inFlight -= 1
      if (closing) setImmediate(() => server.closeIdleConnections())
    })
    route(request, response).catch((error: unknown) => {
      log('warn', 'request_broken', { method: request.method, reason: reasonOf(error) })
      response.destroy()
    })
  })
  server.on('upgrade', (request, socket, head) => {
    if (sockets !== null && isLocalRequest(request, hosts)) sockets.upgrade(request, socket, head)
    else socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  })
  const port = await listen(server, await choosePort('gateway', options.port), options.listenOn)
  return {
    name: 'gateway',
    url: `http://${loopback}:${port}`,
    note: sockets ? 'HTTP and WebSockets to the functions, artifacts' : 'HTTP to the api function, artifacts',
    stop: async () => {
      closing = true
      await sockets?.stop(graceMs)
      await closeServer(server, graceMs)
    },
  }
}
