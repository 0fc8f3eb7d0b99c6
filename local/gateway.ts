import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { sendProblem } from './gateway/answer.ts'
import { type ArtifactOptions, artifactsPath, makeArtifactStore } from './gateway/artifacts.ts'
import { makeHttpApi } from './gateway/http-api.ts'
import { isLocalRequest } from './gateway/origin.ts'
import type { Invoke } from './invoke.ts'
import { type Log, reasonOf } from './log.ts'
import { choosePort, loopback } from './port.ts'
import type { Service } from './services/service.ts'

export type GatewayOptions = {
  port?: number | undefined
  /** The function behind every HTTP route. */
  invoke: Invoke
  artifacts: ArtifactOptions
  log: Log
  /** Host names, besides the loopback's, under which requests may come. */
  hosts?: readonly string[]
  /** Requests at once, above which we answer 429 as a Lambda account's limit does. */
  maxInFlight?: number
  /** What is in flight at the end may take this long. */
  graceMs?: number
}

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, loopback, resolve)
  })

const closeServer = (server: Server, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })

/** The one address of the product: HTTP to the api function, and the artifact folder. */
export const startGateway = async (options: GatewayOptions): Promise<Service> => {
  const { log, hosts = [], maxInFlight = 1_000, graceMs = 5_000 } = options
  const api = makeHttpApi(options.invoke, log)
  const artifacts = makeArtifactStore(options.artifacts)
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
  await listen(server, await choosePort('gateway', options.port))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    name: 'gateway',
    url: `http://${loopback}:${port}`,
    note: 'HTTP to the api function, artifacts',
    stop: () => {
      closing = true
      return closeServer(server, graceMs)
    },
  }
}
