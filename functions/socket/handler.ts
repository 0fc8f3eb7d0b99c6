import type { APIGatewayProxyWebsocketEventV2 } from 'aws-lambda'
import { receive } from '#core/live/message'
import { connectionSeconds } from '#core/live/viewer'
import { config } from '../config.ts'
import { openLive } from '../live/services.ts'
import { ticketStore } from '../live/tickets.ts'
import { redisSocketCount } from '../metrics/timings.ts'
import { underRequest } from '../request.ts'

function open() {
  const shared = openLive('socket')
  const count = redisSocketCount(shared.redis, connectionSeconds)
  return { ...shared, count, tickets: ticketStore({ table: config().table_tickets }) }
}

let opened: ReturnType<typeof open> | undefined

/** What API Gateway adds to the event of a `$connect`. */
type SocketEvent = APIGatewayProxyWebsocketEventV2 & {
  queryStringParameters?: Record<string, string | undefined>
}

/** Opens a connection for a ticket, hears its frames, and forgets it at its end. */
export function handler(event: SocketEvent) {
  return underRequest(event.requestContext.requestId ?? event.requestContext.connectionId, () =>
    handle(event),
  )
}

async function handle(event: SocketEvent) {
  opened ??= open()
  const { connectionId, routeKey } = event.requestContext
  if (routeKey === '$connect') return connect(opened, connectionId, event.queryStringParameters?.ticket)
  if (routeKey === '$disconnect') {
    await Promise.all([opened.live.viewers.disconnect(connectionId), opened.count.closed(connectionId)])
    opened.log.info('socket_closed', { connection_id: connectionId })
    return { statusCode: 200 }
  }
  try {
    await receive(opened.live, connectionId, event.isBase64Encoded ? '' : (event.body ?? ''))
    return { statusCode: 200 }
  } catch (error) {
    opened.log.error('request_failed', { connection_id: connectionId, error })
    return { statusCode: 500 }
  }
}

/** A ticket lets in once; anything else is 401 before there is a connection. */
async function connect(
  { live, log, tickets, count }: ReturnType<typeof open>,
  id: string,
  ticket: string | undefined,
) {
  const actor = await tickets.redeem(ticket)
  if (!actor) {
    log.info('socket_refused', { connection_id: id })
    return { statusCode: 401 }
  }
  await Promise.all([live.viewers.connect(id, actor), count.opened(id)])
  const { kind, ...who } = actor
  log.info('socket_opened', { connection_id: id, actor: kind, ...who })
  return { statusCode: 200 }
}

export async function close() {
  const last = opened
  opened = undefined
  last?.tickets.close()
  await last?.close()
}
