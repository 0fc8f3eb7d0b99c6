import type { IncomingMessage, ServerResponse } from 'node:http'
import { BodyTooLargeError, readBody } from './body.ts'
import type { SocketApi } from './socket-api.ts'

export const connectionsPath = '/@connections/'

/** The name of the failure is in a header, where the AWS clients look for it. */
const fail = (response: ServerResponse, status: number, name: string, message: string): void => {
  const body = JSON.stringify({ message })
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-amzn-errortype': name,
  })
  response.end(body)
}

const gone = (response: ServerResponse): void =>
  fail(response, 410, 'GoneException', 'the connection is gone')

const idOf = (request: IncomingMessage): string => {
  const path = (request.url ?? '').split('?')[0] ?? ''
  try {
    return decodeURIComponent(path.slice(connectionsPath.length))
  } catch {
    return ''
  }
}

/**
 * `GET`, `POST` and `DELETE /@connections/{id}`, as API Gateway's management endpoint answers them. A request has
 * to be signed by an AWS client: whether rightly is not looked at, as with the other emulators, but no page and no
 * stray request is.
 */
export const makeConnectionsApi =
  (sockets: SocketApi, messageBytes: number) =>
  async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 '))
      return fail(response, 403, 'ForbiddenException', 'sign the request')
    const connection = sockets.find(idOf(request))
    if (request.method === 'POST') {
      try {
        const body = await readBody(request, messageBytes)
        if (connection === undefined || !(await connection.send(body))) return gone(response)
        response.writeHead(200, { 'content-length': 0 })
        response.end()
      } catch (error) {
        if (!(error instanceof BodyTooLargeError)) throw error
        response.setHeader('connection', 'close')
        fail(response, 413, 'PayloadTooLargeException', `a message holds at most ${messageBytes} bytes`)
      }
      return
    }
    if (connection === undefined) return gone(response)
    if (request.method === 'DELETE') {
      connection.close()
      response.writeHead(204)
      response.end()
      return
    }
    if (request.method !== 'GET') return fail(response, 405, 'MethodNotAllowed', 'GET, POST or DELETE')
    const { connectedAt, lastActiveAt, sourceIp, userAgent } = connection
    const body = JSON.stringify({
      connectedAt: new Date(connectedAt).toISOString(),
      lastActiveAt: new Date(lastActiveAt).toISOString(),
      identity: { sourceIp, userAgent },
    })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    response.end(body)
  }
