import { type Actor, defaultTenant } from '#core/actor'
import { openDatabase } from '#core/database/database'
import { noLeases } from '#core/lock/lease'
import type { Presence } from '#core/lock/presence'
import { databaseServices, type Services, type Told } from '#core/services'
import { type StepServices, step } from '#core/step/step'
import { localBells } from '#core/wake/bell'
import type { Wake, WakeMessage } from '#core/wake/wake'

/** Everybody lives as long as the benchmark: presence is Redis' part, and not measured here. */
const presence: Presence = {
  beat: async () => {},
  alive: async (agents) => new Set(agents.map(({ id }) => id)),
  heard: async () => new Map(),
  missed: async () => new Map(),
}

/** Wakes that one call of the step takes from the queue. */
const batchSize = 200

/**
 * The verbs and the step of the product in one process, on a real Postgres under their own roles. The queue is
 * in memory: a wake that is there already is not put twice, and one with a delay is left to the sweep.
 */
export function openEngine(url: string, options: { pool: number; told?: Told }) {
  const app = openDatabase({ url, role: 'app', max: options.pool })
  const engine = openDatabase({ url, role: 'engine', max: options.pool })
  const bells = localBells()
  const { told = () => {} } = options
  const queue = new Map<string, WakeMessage>()
  let running: Promise<void> | null = null
  let failure: unknown = null
  let conflicts = 0
  let rounds = 0

  async function pump() {
    while (queue.size > 0) {
      const taken = [...queue].slice(0, batchSize)
      for (const [key] of taken) queue.delete(key)
      await step(
        stepServices,
        taken.map(([, wake]) => wake),
      )
    }
  }

  async function wake(wakes: Wake[]) {
    for (const { delay_seconds, ...message } of wakes) {
      if ((delay_seconds ?? 0) > 0) continue
      queue.set(message.kind === 'session' ? message.session_id : message.tenant_id, message)
    }
    if (running || queue.size === 0) return
    running = pump()
      .catch((error: unknown) => {
        failure = error
      })
      .finally(() => {
        running = null
      })
  }

  const stepServices: StepServices = {
    database: engine,
    leases: noLeases,
    presence,
    bells,
    wake,
    told,
    report: (report) => {
      if (report.event === 'step_failed') failure = new Error(report.reason)
      if (report.event !== 'step_committed') return
      conflicts += report.conflicts
      rounds += 1
    },
  }
  const services: Services = { ...databaseServices(app, presence), presence, bells, wake, told }
  const operator: Actor = {
    kind: 'operator',
    tenant_id: defaultTenant,
    who: { key_id: 'key_bench', name: 'bench' },
  }

  return {
    services,
    stepServices,
    operator,
    /** Waits until the queue is empty and no step runs. */
    async idle() {
      while (running) await running
      if (failure) throw failure
    },
    /** Rounds of the step that stored something, and sessions looked at again for a conflict or a freed slot. */
    counts: () => ({ rounds, conflicts }),
    /** What went wrong in the background, if anything did. */
    failure: () => failure,
    async close() {
      queue.clear()
      await running
      bells.end()
      await app.end()
      await engine.end()
    },
  }
}

export type Engine = ReturnType<typeof openEngine>
