import type { Redis } from 'ioredis'
import * as z from 'zod'
import { socketsKey, timingsKey } from './timings.ts'

/** What was added up in Redis; null when it cannot be asked. */
export type Measured = { timed: Map<string, Timed[]>; connections: number }
/** Of one metric and its labels: how often each bucket was hit (a counter has one), and the sum in seconds. */
export type Timed = { labels: string[]; counts: number[]; sum: number }

const Field = z.tuple([z.string(), z.array(z.string()), z.union([z.int().min(0), z.literal('sum')])])

/** Reads what all processes have measured. Null when Redis is away: what is not known is not told. */
export async function readMeasured(redis: Redis, now: () => number = Date.now): Promise<Measured | null> {
  try {
    const seconds = Math.floor(now() / 1_000)
    await redis.zremrangebyscore(socketsKey, 0, seconds)
    const [fields, connections] = await Promise.all([redis.hgetall(timingsKey), redis.zcard(socketsKey)])
    return { timed: timedOf(fields), connections }
  } catch {
    return null
  }
}

/** Fields of another version, which this one does not know, are left out. */
function timedOf(fields: Record<string, string>) {
  const all = new Map<string, Map<string, Timed>>()
  for (const [text, value] of Object.entries(fields)) {
    const read = Field.safeParse(JSON.parse(text))
    if (!read.success) continue
    const [name, labels, place] = read.data
    const ofName = all.get(name) ?? new Map<string, Timed>()
    const one = ofName.get(labels.join('\n')) ?? { labels, counts: [], sum: 0 }
    if (place === 'sum') one.sum = Number(value) / 1_000_000
    else one.counts[place] = Number(value)
    all.set(name, ofName.set(labels.join('\n'), one))
  }
  return new Map([...all].map(([name, ofName]) => [name, [...ofName.values()]]))
}
