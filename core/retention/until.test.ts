import { expect, test } from 'vitest'
import { historyUntil } from './until.ts'

test('a history stays so many days of 24 hours after the end', () => {
  const ended = { ended_at: '2028-02-28T12:00:00.500Z' }
  expect(historyUntil(ended, { sessions: 1 })).toBe('2028-02-29T12:00:00.500Z')
  expect(historyUntil(ended, { sessions: 365 })).toBe('2029-02-27T12:00:00.500Z')
})

test('a session that has not ended stays for good', () => {
  expect(historyUntil({ ended_at: null }, { sessions: 1 })).toBeNull()
})
