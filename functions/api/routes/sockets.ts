import { holderOf } from '../auth.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { SocketTicket } from '../schemas/socket.ts'

/** The way to the live part: a ticket for a WebSocket, since a browser sends no header with it. */
export function socketRoutes(api: Api) {
  endpoint(api, {
    ...nothing,
    agents: true,
    // A ticket opens one connection: an answer that is given twice would be of no use.
    idempotent: false,
    audit: false,
    name: 'create_socket_ticket',
    scope: 'sessions:read',
    method: 'post',
    path: '/api/v1/socket-tickets',
    tag: 'live',
    summary: 'Get a ticket that opens one WebSocket, `<url>?ticket=<ticket>`, within a minute',
    status: 201,
    answer: SocketTicket,
    headers: () => ({ 'cache-control': 'no-store' }),
    run: async ({ services, caller }) => ({
      ...(await services.tickets.issue(holderOf(caller))),
      url: services.socket_url,
    }),
  })
}
