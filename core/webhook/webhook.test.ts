import { describe, expect, test } from 'vitest'
import { addressFault } from '#core/network/address'
import { outcomeOf, pauseAfter } from './backoff.ts'
import { urlFault } from './webhook.ts'

const answered = (status: number | null) => ({ status, error: null, latency_ms: 1 })

describe('where a webhook may lead', () => {
  test.each([
    ...['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0'],
    ...['224.0.0.1', '255.255.255.255', '198.18.0.1', '::1', '::', 'fe80::1', 'fd00:ec2::254'],
    ...[
      '::ffff:169.254.169.254',
      '64:ff9b::a9fe:a9fe',
      '2002:a9fe:a9fe::',
      'localhost',
      'db.internal',
      'a.localhost.',
    ],
  ])('not to %s', (host) => {
    expect(addressFault(host, 'public')).toMatch(/^must not lead/)
    expect(addressFault(host, 'any')).toBeNull()
  })

  test.each(['93.184.215.14', '2606:2800:220:1::1', 'hooks.example.com'])('but to %s', (host) => {
    expect(addressFault(host, 'public')).toBeNull()
  })

  test.each([
    ['http://hooks.example.com/', 'must be an https URL'],
    ['ftp://hooks.example.com/', 'must be an https URL'],
    ['https://me:secret@hooks.example.com/', 'must not carry a name or password'],
    ['https://hooks.example.com/#here', 'must not have a fragment'],
    ['https://[::1]/', 'must not lead to an address that is loopback'],
    ['https://2130706433/', 'must not lead to an address that is loopback'],
    ['https://0x7f.1/', 'must not lead to an address that is loopback'],
    ['//hooks.example.com', 'must be a URL'],
  ])('%s %s', (url, fault) => expect(urlFault(url, 'public')).toBe(fault))
})

describe('what an answer means', () => {
  test('2xx has arrived, 410 disables, anything else is tried again', () => {
    expect(outcomeOf(answered(204), 1, 0)).toEqual({ kind: 'DELIVERED' })
    expect(outcomeOf(answered(410), 1, 0)).toMatchObject({ kind: 'FAILED', disable: expect.any(String) })
    for (const status of [null, 301, 302, 400, 404, 429, 500])
      expect(outcomeOf(answered(status), 1, 0.5)).toEqual({ kind: 'PENDING', seconds: 5 })
  })

  test('the pauses grow, are spread, and end after a day', () => {
    const pauses = Array.from({ length: 10 }, (_, i) => pauseAfter(i + 1, 0.5) ?? 0)
    expect([...pauses].sort((a, b) => a - b)).toEqual(pauses)
    const total = pauses.reduce((sum, one) => sum + one, 0)
    expect(total).toBeGreaterThan(23 * 3_600)
    expect(total).toBeLessThan(25 * 3_600)
    expect(pauseAfter(11, 0.5)).toBeNull()
    expect(pauseAfter(3, 0)).toBe(96)
    expect(pauseAfter(3, 1)).toBeCloseTo(144)
  })
})
