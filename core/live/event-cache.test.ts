import { describe, expect, test } from 'vitest'
import { blockSize, openEventCache } from './event-cache.ts'

const texts = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ seq: from + i, at: '', text: `${from + i}`, bytes: 1 }))
const seqs = (found: { seq: number }[]) => [found[0]?.seq, found.at(-1)?.seq, found.length]

describe('an event cache', () => {
  test('keeps whole blocks, and gives what is behind a seq across them', () => {
    const cache = openEventCache()
    cache.put('a', texts(1, 2 * blockSize + 10))
    expect(seqs(cache.behind('a', 0, 5_000))).toEqual([1, 2 * blockSize, 2 * blockSize])
    expect(seqs(cache.behind('a', 7, 600))).toEqual([8, 607, 600])
    expect(seqs(cache.behind('a', blockSize, 5_000))).toEqual([blockSize + 1, 2 * blockSize, blockSize])
    expect(cache.behind('a', 2 * blockSize, 5_000)).toEqual([])
    expect(cache.behind('b', 0, 5_000)).toEqual([])
  })

  test('of what begins inside a block keeps only those behind it, and knows that one to be whole', () => {
    const cache = openEventCache()
    cache.put('a', texts(8, 2 * blockSize))
    expect(cache.behind('a', 7, 5_000)).toEqual([])
    expect(cache.isWhole('a', 7)).toBe(true)
    expect(cache.isWhole('a', blockSize)).toBe(false)
    expect(seqs(cache.behind('a', blockSize, 5_000))).toEqual([blockSize + 1, 2 * blockSize, blockSize])
  })

  test('lets go of what nobody has asked for the longest', () => {
    const cache = openEventCache(2 * blockSize)
    cache.put('a', texts(1, blockSize))
    cache.put('b', texts(1, blockSize))
    cache.behind('a', 0, 1)
    cache.put('c', texts(1, blockSize))
    cache.put('c', texts(1, blockSize))
    expect(['a', 'b', 'c'].map((key) => cache.behind(key, 0, 1).length)).toEqual([1, 0, 1])
  })
})
