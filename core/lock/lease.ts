import type { Redis } from 'ioredis'
import { redisKeys } from './keys.ts'

/**
 * A lease keeps two handlers from doing the same work at once. It is an optimisation: what makes the work
 * correct is the version that a commit compares. Its value is a fencing number that only grows.
 */
export type Lease = { name: string; fence: number }

export type Leases = {
  /** Answers those that were free. Whoever was refused has rung: the holder will look again. */
  acquire(names: string[]): Promise<Lease[]>
  /** Gives leases back and answers those that must be looked at again; these stay held. */
  release(leases: Lease[]): Promise<Lease[]>
  /** Renews leases whose owner is about to look again, and answers those that it still has. */
  keep(leases: Lease[]): Promise<Lease[]>
  /** Gives leases up in any case, and answers those that somebody has rung for meanwhile. */
  leave(leases: Lease[]): Promise<Lease[]>
}

/** How long the caller waits for an answer, in ms: as long as functions/redis.ts lets a command take. */
const patienceMs = 1_000

/**
 * Free: takes it with the next number. Taken: leaves a mark for the holder, who then looks again. Asked too long ago,
 * as what a client has queued while Redis was away: its caller was let through long since, and nobody would give it back.
 */
const acquireScript = `
local now = redis.call('time')
if now[1] * 1000 + math.floor(now[2] / 1000) > tonumber(ARGV[2]) then return -1 end
local fence = redis.call('incr', KEYS[2])
if redis.call('set', KEYS[1], fence, 'NX', 'PX', ARGV[1]) then return fence end
redis.call('set', KEYS[3], '1', 'PX', ARGV[1])
return 0`

/** Only the owner's number counts. A mark left meanwhile is taken away, and the lease renewed. */
const releaseScript = `
if redis.call('get', KEYS[1]) ~= ARGV[2] then return 0 end
if redis.call('del', KEYS[2]) == 1 then redis.call('pexpire', KEYS[1], ARGV[1]) return 1 end
redis.call('del', KEYS[1])
return 0`

/** Only its owner's, or one that has run out and nobody has taken since. A mark says what the owner does anyway. */
const keepScript = `
local owner = redis.call('get', KEYS[1])
if owner and owner ~= ARGV[2] then return 0 end
redis.call('set', KEYS[1], ARGV[2], 'PX', ARGV[1])
redis.call('del', KEYS[2])
return 1`

/** The same as a release, but the lease ends whether it was marked or not. */
const leaveScript = `
if redis.call('get', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('del', KEYS[1])
return redis.call('del', KEYS[2])`

/** Leases in Redis (SET NX PX). With Redis away everyone is let through: correctness does not hang on it. */
export function redisLeases(
  redis: Redis,
  options: { ttl_ms: number; onConflict?: (name: string) => void; now?: () => number },
): Leases {
  const now = options.now ?? Date.now
  const ttl = String(options.ttl_ms)
  return {
    async acquire(names) {
      return Promise.all(names.map(acquireOne)).then((leases) => leases.filter((lease) => lease !== null))
    },
    release: (leases) => those(releaseScript, leases),
    keep: (leases) => those(keepScript, leases),
    leave: (leases) => those(leaveScript, leases),
  }

  async function acquireOne(name: string): Promise<Lease | null> {
    try {
      const fence = Number(
        await redis.eval(
          acquireScript,
          3,
          redisKeys.lease(name),
          redisKeys.fence(name),
          redisKeys.again(name),
          ttl,
          String(now() + patienceMs),
        ),
      )
      if (fence > 0) return { name, fence }
      if (fence < 0) return { name, fence: 0 }
      options.onConflict?.(name)
      return null
    } catch {
      return { name, fence: 0 }
    }
  }

  /** Those that the script says yes to. */
  async function those(script: string, leases: Lease[]) {
    const yes = await Promise.all(leases.map((lease) => askOf(script, lease)))
    return leases.filter((_, i) => yes[i])
  }

  async function askOf(script: string, lease: Lease) {
    if (lease.fence === 0) return false
    try {
      const keys = [redisKeys.lease(lease.name), redisKeys.again(lease.name)]
      return (await redis.eval(script, 2, ...keys, ttl, String(lease.fence))) === 1
    } catch {
      return false
    }
  }
}

/** No leases: every handler is let through. For tests of what holds without them, and in-process runs. */
export const noLeases: Leases = {
  acquire: async (names) => names.map((name) => ({ name, fence: 0 })),
  release: async () => [],
  keep: async () => [],
  leave: async () => [],
}
