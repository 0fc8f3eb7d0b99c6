import type { Worker } from '#core/actor'
import { defaultTenant } from '#core/actor'
import { registerAgent } from '#core/agent/register'
import { openDatabase } from '#core/database/database'
import { noLeases } from '#core/lock/lease'
import type { Presence } from '#core/lock/presence'
import { databaseServices, type Services } from '#core/services'
import { type StepReport, type StepServices, step } from '#core/step/step'
import { localBells } from '#core/wake/bell'
import type { Wake, WakeMessage } from '#core/wake/wake'
import { watched } from './replay.ts'

/** Whoever holds a key of a tenant. */
export function operatorOf(tenant_id: string) {
  const who = { key_id: 'key_00000000000000000000000000', name: 'test' }
  return { kind: 'operator' as const, tenant_id, who }
}

/** Everybody is alive, unless a test says who is silent. */
export function fakePresence(silent: Set<string>): Presence {
  return {
    beat: async () => {},
    alive: async (agents) => new Set(agents.flatMap(({ id }) => (silent.has(id) ? [] : [id]))),
    heard: async () => new Map(),
    missed: async () => new Map(),
  }
}

/**
 * The engine in this process, on a real Postgres: the very verbs and step, with a queue in memory. Wakes with
 * a delay are dropped unless they are asked for: a test's clock is the database's.
 */
export function openPlant(url: string, options: { pool?: number; batch?: number; automatic?: boolean } = {}) {
  const { pool = 4, batch = 200, automatic = true } = options
  const faults: string[] = []
  const engineDatabase = openDatabase({ url, role: 'engine', max: pool })
  const engine = watched(engineDatabase, engineDatabase, faults)
  const app = watched(openDatabase({ url, role: 'app', max: pool }), engineDatabase, faults)
  const bells = localBells()
  const silent = new Set<string>()
  const reports: StepReport[] = []
  const presence = fakePresence(silent)
  const queue = new Map<string, WakeMessage>()
  let running: Promise<void> | null = null

  async function pump() {
    while (queue.size > 0) {
      const wakes = [...queue].slice(0, batch)
      for (const [key] of wakes) queue.delete(key)
      await step(
        stepServices,
        wakes.map(([, wake]) => wake),
      )
    }
  }

  function start() {
    running ??= pump().finally(() => {
      running = null
      if (queue.size > 0 && automatic) start()
    })
    return running
  }

  async function wake(wakes: Wake[]) {
    for (const { delay_seconds, ...message } of wakes) {
      if ((delay_seconds ?? 0) > 0) continue
      queue.set(message.kind === 'session' ? message.session_id : message.tenant_id, message)
    }
    if (automatic && queue.size > 0) void start()
  }

  const stepServices: StepServices = {
    database: engine,
    leases: noLeases,
    presence,
    bells,
    wake,
    report: (report) => {
      if (report.event !== 'step_committed') reports.push(report)
    },
  }
  const services: Services = { ...databaseServices(app, presence), presence, bells, wake }
  const operator = operatorOf(defaultTenant)

  async function register(name: string, capabilities: string[], capacity = 1) {
    const engineInfo = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
    const input = { name, engine: engineInfo, capabilities, capacity, labels: [] }
    const { agent, token } = await registerAgent(services, operator, input)
    const worker: Worker = { kind: 'agent', tenant_id: defaultTenant, agent_id: agent.id }
    return { agent, worker, token }
  }

  /** After every transition a session's events alone rebuild its stored rows. */
  function assertReplays() {
    if (faults.length > 0) throw new Error(`A replay differs. ${faults.splice(0).join('\n')}`)
  }

  return {
    services,
    stepServices,
    operator,
    silent,
    reports,
    engine,
    register,
    /** Steps until no wake is left. */
    async settle() {
      while (queue.size > 0 || running) await start()
      assertReplays()
    },
    /** One step for what is named, whatever the queue says. */
    look: (wakes: WakeMessage[]) => step(stepServices, wakes),
    async close() {
      queue.clear()
      await running
      bells.end()
      await app.end()
      await engine.end()
      assertReplays()
    },
  }
}

export type Plant = ReturnType<typeof openPlant>
