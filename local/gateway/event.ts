import type { IncomingMessage } from 'node:http'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (value: number): string => String(value).padStart(2, '0')

/** `22/Nov/2026:15:41:36 +0000`, as access logs and API Gateway write the time. */
export const accessLogTime = (at: Date): string => {
  const day = `${two(at.getUTCDate())}/${months[at.getUTCMonth()]}/${at.getUTCFullYear()}`
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`
}

/** Everything else arrives in base64, as in API Gateway. */
const textTypes = /^(text\/.*|application\/(json|javascript|xml))$/

const isText = (request: IncomingMessage, body: Buffer): boolean => {
  if (request.headers['content-encoding'] !== undefined) return false
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
  return textTypes.test(type) && Buffer.from(body.toString('utf8'), 'utf8').equals(body)
}

export const headersOf = (request: IncomingMessage): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    // Cookies travel in a field of their own.
    if (values !== undefined && name !== 'cookie') headers[name] = values.join(',')
  }
  return headers
}

const cookiesOf = (request: IncomingMessage): string[] =>
  (request.headers.cookie ?? '')
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie !== '')

/** Repeated parameters joined with commas. */
export const queryOf = (query: string): Record<string, string> => {
  const joined: Record<string, string> = Object.create(null)
  for (const [name, value] of new URLSearchParams(query)) {
    joined[name] = joined[name] === undefined ? value : `${joined[name]},${value}`
  }
  return { ...joined }
}

export class MalformedPathError extends Error {}

/** HTTP APIs hand the path over decoded, and cut it at a `?` that the decoding brings out. */
const decodePath = (path: string): string => {
  try {
    return decodeURIComponent(path).split('?')[0] ?? '/'
  } catch {
    throw new MalformedPathError(path)
  }
}

/** The API Gateway event (HTTP API, payload 2.0) of a request. Throws MalformedPathError. */
export const makeHttpEvent = (
  request: IncomingMessage,
  body: Buffer,
  requestId: string,
  now: Date,
): APIGatewayProxyEventV2 => {
  const target = request.url ?? '/'
  const mark = target.indexOf('?')
  const path = decodePath(mark === -1 ? target : target.slice(0, mark))
  const rawQueryString = mark === -1 ? '' : target.slice(mark + 1)
  const headers = headersOf(request)
  const cookies = cookiesOf(request)
  const text = isText(request, body)
  const host = headers.host ?? 'localhost'
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString,
    ...(cookies.length > 0 && { cookies }),
    headers,
    ...(rawQueryString !== '' && { queryStringParameters: queryOf(rawQueryString) }),
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      domainName: host,
      domainPrefix: host.split(/[.:]/)[0] ?? host,
      http: {
        method: request.method ?? 'GET',
        path,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId,
      routeKey: '$default',
      stage: '$default',
      time: accessLogTime(now),
      timeEpoch: now.getTime(),
    },
    ...(body.length > 0 && { body: text ? body.toString('utf8') : body.toString('base64') }),
    isBase64Encoded: body.length > 0 && !text,
  }
}
