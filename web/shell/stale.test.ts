import { expect, test } from 'vitest'
import { mayReload } from './stale.ts'

test('a part that is gone loads the page anew once, and not again within a minute', () => {
  expect(mayReload(null, 1_000)).toBe(true)
  expect(mayReload('1000', 1_001)).toBe(false)
  expect(mayReload('1000', 61_001)).toBe(true)
  expect(mayReload('nonsense', 1_000)).toBe(true)
})
