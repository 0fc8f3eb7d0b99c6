import type { EventText } from './frame.ts'

/** Blocks are counted from the start of a session, so that whoever reads there finds the same ones. */
export const blockSize = 500
/** Of all blocks that one process keeps. */
const maxBytes = 16 * 1024 * 1024

/**
 * Events of sessions as they go into frames, a block at a time, whole ones only: they never change again. Many who
 * come back at once, or open the same session, are replayed to from here. Who may see them is asked before.
 */
export type EventCache = {
  /** What is kept behind a seq, without a gap, at most `limit`; nothing when the next one is not kept. */
  behind(key: string, seq: number, limit: number): EventText[]
  /** Whether the block after that of a seq is kept: then the seq's own is whole too. */
  isWhole(key: string, seq: number): boolean
  /** Keeps the blocks that are whole among texts that follow each other. */
  put(key: string, texts: EventText[]): void
}

export function openEventCache(limit = maxBytes): EventCache {
  /** By use: the first is the one that nobody has asked for the longest. */
  const kept = new Map<string, { texts: EventText[]; bytes: number }>()
  let total = 0
  const blockOf = (seq: number) => Math.floor(seq / blockSize)
  const nameOf = (key: string, block: number) => `${key} ${block}`

  function forget(name: string) {
    total -= kept.get(name)?.bytes ?? 0
    kept.delete(name)
  }

  return {
    behind(key, seq, limit) {
      const found: EventText[] = []
      for (let block = blockOf(seq); found.length < limit; block++) {
        const name = nameOf(key, block)
        const one = kept.get(name)
        if (!one) break
        kept.delete(name)
        kept.set(name, one)
        found.push(...(found.length === 0 ? one.texts.slice(seq - block * blockSize) : one.texts))
      }
      return found.slice(0, limit)
    },
    isWhole: (key, seq) => kept.has(nameOf(key, blockOf(seq) + 1)),
    put(key, texts) {
      const first = texts[0]?.seq ?? 1
      for (let at = (blockSize - ((first - 1) % blockSize)) % blockSize; ; at += blockSize) {
        const block = texts.slice(at, at + blockSize)
        if (block.length < blockSize) break
        const name = nameOf(key, blockOf(first + at))
        forget(name)
        const bytes = block.reduce((sum, one) => sum + one.bytes, 0)
        kept.set(name, { texts: block, bytes })
        total += bytes
      }
      for (const name of kept.keys()) {
        if (total <= limit) break
        forget(name)
      }
    },
  }
}
