import type { IncomingMessage } from 'node:http'
import { accessLogTime, headersOf, queryOf } from './event.ts'

export type RouteKey = '$connect' | '$default' | '$disconnect'

/** What stays the same about a connection. */
export type Opening = {
  connectionId: string
  connectedAt: number
  domainName: string
  sourceIp: string
  userAgent: string
}

/** The context that every event of a connection carries. */
const contextOf = (opening: Opening, routeKey: RouteKey, requestId: string, now: Date) => ({
  routeKey,
  eventType: { $connect: 'CONNECT', $default: 'MESSAGE', $disconnect: 'DISCONNECT' }[routeKey],
  extendedRequestId: requestId,
  requestTime: accessLogTime(now),
  messageDirection: 'IN',
  stage: 'local',
  connectedAt: opening.connectedAt,
  requestTimeEpoch: now.getTime(),
  identity: { sourceIp: opening.sourceIp, userAgent: opening.userAgent },
  requestId,
  domainName: opening.domainName,
  connectionId: opening.connectionId,
  apiId: 'local',
})

/** The event of a `$connect`, which alone has the headers and the query. */
export const makeConnectEvent = (
  request: IncomingMessage,
  opening: Opening,
  requestId: string,
  now: Date,
) => {
  const query = queryOf((request.url ?? '').split('?')[1] ?? '')
  const lists = Object.entries(request.headersDistinct).flatMap(([name, values]) =>
    values === undefined ? [] : [[name, values] as const],
  )
  return {
    headers: headersOf(request),
    multiValueHeaders: Object.fromEntries(lists),
    ...(Object.keys(query).length > 0 && { queryStringParameters: query }),
    requestContext: contextOf(opening, '$connect', requestId, now),
    isBase64Encoded: false,
  }
}

/** The event of a client's message. */
export const makeMessageEvent = (opening: Opening, body: string, requestId: string, now: Date) => ({
  requestContext: { ...contextOf(opening, '$default', requestId, now), messageId: requestId },
  body,
  isBase64Encoded: false,
})

/** The event of a connection's end. */
export const makeDisconnectEvent = (
  opening: Opening,
  end: { code: number; reason: string },
  requestId: string,
  now: Date,
) => ({
  requestContext: {
    ...contextOf(opening, '$disconnect', requestId, now),
    disconnectStatusCode: end.code,
    disconnectReason: end.reason,
  },
  isBase64Encoded: false,
})
