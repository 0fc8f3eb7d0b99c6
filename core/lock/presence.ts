import type { Redis } from 'ioredis'
import { type GlobalKey, type PresentAgent, redisKeys } from './keys.ts'

/** Who gave a sign of life lately. `null` when it cannot be told: then nobody is declared silent. */
export type Presence = {
  /** Marks an agent as alive for `ttl_ms`. Never throws. */
  beat(agent: PresentAgent): Promise<void>
  /** The ids of those that are alive, or null while Redis is away or too young to know. */
  alive(agents: PresentAgent[]): Promise<Set<string> | null>
  /** How long ago, in ms, each of them gave its last sign; the silent ones are left out, and all while Redis is away. */
  heard(agents: PresentAgent[]): Promise<Map<string, number>>
  /** Counts how often in a row a held task was not named by its agent; 0 clears. */
  missed(agent: PresentAgent, tasks: string[]): Promise<Map<string, number>>
}

export function redisPresence(redis: Redis, options: { ttl_ms: number; now?: () => number }): Presence {
  const now = options.now ?? Date.now
  const epochKey = 'presence:epoch' satisfies GlobalKey
  return {
    async beat(agent) {
      try {
        await redis.set(redisKeys.presence(agent), '1', 'PX', options.ttl_ms)
        const run = await runOf(redis)
        if (sinceOf(await redis.get(epochKey), run) === null) await redis.set(epochKey, `${run} ${now()}`)
      } catch {
        // Redis is away: alive() will then not know, and nobody is lost for it.
      }
    },
    async alive(agents) {
      try {
        const [epoch, ...marks] = await redis.mget(epochKey, ...agents.map(redisKeys.presence))
        const since = sinceOf(epoch ?? null, await runOf(redis))
        // A Redis that has just started knows nobody yet: whoever lives has a heartbeat's time to say so.
        if (since === null || now() - since < options.ttl_ms) return null
        return new Set(agents.flatMap(({ id }, i) => (marks[i] === null ? [] : [id])))
      } catch {
        return null
      }
    },
    async heard(agents) {
      if (agents.length === 0) return new Map()
      try {
        const pipeline = redis.pipeline()
        for (const agent of agents) pipeline.pttl(redisKeys.presence(agent))
        const left = (await pipeline.exec()) ?? []
        const ages = agents.map(({ id }, i) => [id, options.ttl_ms - Number(left[i]?.[1] ?? -1)] as const)
        // A mark that is gone has a negative time to live.
        return new Map(ages.filter(([, age]) => age >= 0 && age <= options.ttl_ms))
      } catch {
        return new Map()
      }
    },
    async missed(agent, tasks) {
      const key = redisKeys.missed(agent)
      try {
        const before = await redis.hgetall(key)
        const counts = new Map(tasks.map((task) => [task, Number(before[task] ?? 0) + 1]))
        const pipeline = redis.pipeline().del(key)
        if (counts.size > 0) pipeline.hset(key, Object.fromEntries(counts)).pexpire(key, options.ttl_ms * 4)
        await pipeline.exec()
        return counts
      } catch {
        return new Map()
      }
    },
  }
}

/** Which process of Redis it is: one that keeps its data would bring the epoch, but not the marks, through a restart. */
async function runOf(redis: Redis) {
  return /run_id:(\w+)/.exec(await redis.info('server'))?.[1] ?? 'unnamed'
}

/** When this process of Redis was first heard of, in ms; null when it was not yet. */
function sinceOf(epoch: string | null, run: string) {
  const [known, since] = epoch?.split(' ') ?? []
  return known === run ? Number(since) : null
}
