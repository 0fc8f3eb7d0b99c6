import { createHash, randomBytes } from 'node:crypto'
import type { Actor } from '#core/actor'

/** A ticket opens one connection within this many seconds. */
export const ticketSeconds = 60

/** Who a connection acts as. A ticket carries it, since a browser can send no header with a socket. */
export type SocketActor = Exclude<Actor, { kind: 'system' }>

/** What is stored of a ticket: never the ticket itself. */
export type TicketRecord = { hash: string; actor: SocketActor; expires_at: Date }

/** A new ticket and its record; 256 random bits, so that its plain hash is enough to keep. */
export function newTicket(actor: SocketActor, now: Date): { ticket: string; record: TicketRecord } {
  const ticket = randomBytes(32).toString('base64url')
  const expires_at = new Date(now.getTime() + ticketSeconds * 1_000)
  return { ticket, record: { hash: hashTicket(ticket), actor, expires_at } }
}

const shape = /^[A-Za-z0-9_-]{43}$/

/** The key that a ticket is stored under, or null for what was never a ticket. */
export function readTicket(ticket: string | undefined) {
  return ticket !== undefined && shape.test(ticket) ? hashTicket(ticket) : null
}

function hashTicket(ticket: string) {
  return createHash('sha256').update(ticket).digest('base64url')
}

/** Whom a record that was taken out lets in; null when it is too late. Stores forget expired rows late. */
export function actorOfTicket(record: TicketRecord | null, now: Date) {
  return record && record.expires_at.getTime() > now.getTime() ? record.actor : null
}
