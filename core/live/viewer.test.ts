import { describe, expect, test } from 'vitest'
import { actorOfTicket, newTicket, readTicket } from './ticket.ts'
import { following, startOf, type Viewer } from './viewer.ts'

const now = 1_000_000
const tenant_id = 'ten_a'
const aViewer = (set: Partial<Viewer>): Viewer => ({
  ...{ connection_id: 'a=', tenant_id, key_id: null, after: 0, replaying_until: 0, seen_at: now, ...set },
})

describe('a broadcast', () => {
  test('is for those of the tenant who are not being replayed to', () => {
    const follower = aViewer({})
    const abandoned = aViewer({ replaying_until: now })
    const all = [follower, abandoned, aViewer({ replaying_until: now + 1 }), aViewer({ tenant_id: 'ten_b' })]
    expect(following(all, tenant_id, now)).toEqual([follower, abandoned])
  })

  test('without a cursor begins behind what all who confirm have', () => {
    expect(startOf([aViewer({ after: 7 }), aViewer({ after: 5 })], now)).toBe(5)
    expect(startOf([], now)).toBeNull()
  })

  test('without a cursor does not begin anew for one who never confirms', () => {
    const silent = aViewer({ after: 0, seen_at: 0 })
    expect(startOf([silent, aViewer({ after: 5 })], now)).toBe(5)
    expect(startOf([silent, aViewer({ after: 9, seen_at: 0 })], now)).toBe(9)
  })
})

describe('a ticket', () => {
  const actor = { kind: 'operator', tenant_id, who: { key_id: 'key_1', name: 'one' } } as const

  test('is kept as a hash that only the ticket gives', () => {
    const { ticket, record } = newTicket(actor, new Date(now))
    expect(readTicket(ticket)).toBe(record.hash)
    expect(JSON.stringify(record)).not.toContain(ticket)
    expect(readTicket(newTicket(actor, new Date(now)).ticket)).not.toBe(record.hash)
    for (const none of [undefined, '', `${ticket}x`, ticket.slice(1), `${ticket.slice(1)} `])
      expect(readTicket(none)).toBeNull()
  })

  test('lets in for a minute', () => {
    const { record } = newTicket(actor, new Date(now))
    expect(actorOfTicket(record, new Date(now + 59_999))).toEqual(actor)
    expect(actorOfTicket(record, new Date(now + 60_000))).toBeNull()
    expect(actorOfTicket(null, new Date(now))).toBeNull()
  })
})
