import { describe, expect, test } from 'vitest'
import { ago, compact, countOf, dayOf, percent, repositoryName, span, usd } from './format.ts'

describe('figures', () => {
  test('that are not known say so, and are not zero', () => {
    expect(percent(null)).toBe('not known')
    expect(countOf(undefined)).toBe('not known')
    expect(countOf(0)).toBe('0')
  })

  test('are never rounded to all or to nothing', () => {
    expect(percent(0.999)).toBe('99 %')
    expect(percent(0.001)).toBe('1 %')
    expect(percent(1)).toBe('100 %')
    expect(usd(0.0042)).toBe('$0.0042')
    expect(usd(0.00001)).toBe('< $0.0001')
  })

  test('are short', () => {
    expect([950, 12_440, 999_499, 999_500, 3_140_000].map(compact)).toEqual([
      '950',
      '12.4k',
      '999k',
      '1M',
      '3.1M',
    ])
    expect([4_000, 185_000, 7_800_000, 356_400_000].map(span)).toEqual([
      '4 s',
      '3 m 05 s',
      '2 h 10 m',
      '4 d 3 h',
    ])
  })

  test('of a clock that is ahead of ours are not in the future', () => {
    expect(ago('2026-01-01T00:00:10.000Z', Date.parse('2026-01-01T00:00:00.000Z'))).toBe('now')
    expect(ago('2026-01-01T00:00:00.000Z', Date.parse('2026-01-01T00:02:00.000Z'))).toBe('2 m ago')
  })
})

test('a repository is called by the end of its address', () => {
  expect(repositoryName('https://git.example.com/acme/billing.git')).toBe('acme/billing')
  expect(repositoryName('git@example.com:acme/billing.git')).toBe('acme/billing')
  expect(repositoryName('/home/me/billing')).toBe('billing')
  expect(repositoryName('https://example.com/billing')).toBe('billing')
})

test('a day is the day of the reader, whatever the zone', () => {
  expect(dayOf(new Date(2027, 0, 2, 23, 59).toISOString())).toBe('2027-01-02')
  expect(dayOf(new Date(2027, 11, 31, 0, 1).toISOString())).toBe('2027-12-31')
})
