import type { NewEvent } from '#core/event/event'
import { createSession } from '#core/session/create'
import { startAgents } from './agents.ts'
import type { BenchDatabase, Counted } from './database.ts'
import { openEngine } from './engine.ts'
import { nodeCpu, type Percentiles, percentiles, rounded } from './measure.ts'
import { sequentialSession } from './plan.ts'

export type LoadOptions = {
  sessions: number
  tasks: number
  /** Sessions under way at once. */
  concurrency: number
  agents: number
  capacity: number
  /** Connections of each role. */
  pool: number
}

export type LoadFigures = {
  seconds: number
  sessions: number
  tasks: number
  tasks_per_second: number
  transitions: number
  transitions_per_second: number
  checkpoints: number
  events: number
  cpu_seconds: { node: number; postgres: number | null }
  cpu_seconds_per_1000_transitions: number | null
  transitions_per_cpu_second: number | null
  tasks_per_cpu_second: number | null
  wal_bytes_per_transition: number
  session_ms: Percentiles
  first_claim_ms: Percentiles
  step: { rounds: number; conflicts: number }
}

const sessionDeadlineMs = 120_000

/**
 * Runs sessions through the engine, `concurrency` at a time, and tells what they took. A session's time goes
 * from the call that creates and starts it to the commit that completes it, as it tells the logs.
 */
export async function runLoad(database: BenchDatabase, options: LoadOptions): Promise<LoadFigures> {
  const watch = watchSessions()
  const engine = openEngine(database.url, { pool: options.pool, told: watch.told })
  const agents = await startAgents(engine, options, watch)
  try {
    // The first sessions connect, prepare and warm up; they are not counted.
    await runSessions(engine, watch, options, Math.min(options.concurrency, 50))
    watch.clear()
    // What autovacuum does within a minute: plans are then made for tables that hold something.
    await database.analyze()
    const before = await look(database, engine)
    const started = performance.now()
    await runSessions(engine, watch, options, options.sessions)
    const seconds = (performance.now() - started) / 1000
    const after = await look(database, engine)
    return figuresOf(before, after, seconds, watch)
  } finally {
    watch.fail(new Error('The benchmark has ended.'))
    await agents.stop()
    await engine.close()
  }
}

type Engine = ReturnType<typeof openEngine>
type Watch = ReturnType<typeof watchSessions>

async function runSessions(engine: Engine, watch: Watch, options: LoadOptions, count: number) {
  let left = count
  const input = sequentialSession(options.tasks)
  async function lane() {
    while (left > 0) {
      left -= 1
      const started = performance.now()
      const { id } = await createSession(engine.services, engine.operator, input)
      await watch.completed(id, started)
      const failure = engine.failure()
      if (failure) throw failure
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.concurrency, count) }, lane))
}

/** Tells from what was committed when a session has completed. */
function watchSessions() {
  const claims = new Map<string, number>()
  const ended = new Map<string, number>()
  const waiting = new Map<string, () => void>()
  const sessions: number[] = []
  const firstClaims: number[] = []
  let reject: (error: unknown) => void = () => {}
  const failing = new Promise<never>((_, no) => {
    reject = no
  })
  failing.catch(() => {})

  return {
    sessions,
    firstClaims,
    told({ session_id: id }: { session_id: string }, events: NewEvent[]) {
      if (!events.some(({ type }) => type === 'session.completed')) return
      ended.set(id, performance.now())
      waiting.get(id)?.()
    },
    onClaim(id: string) {
      if (!claims.has(id)) claims.set(id, performance.now())
    },
    onError(error: unknown) {
      reject(error)
    },
    fail: (error: unknown) => reject(error),
    async completed(id: string, started: number) {
      if (!ended.has(id)) {
        let timer: NodeJS.Timeout | undefined
        const late = new Promise<never>((_, no) => {
          timer = setTimeout(() => no(new Error(`Session ${id} did not complete.`)), sessionDeadlineMs)
        })
        const done = new Promise<void>((resolve) => waiting.set(id, resolve))
        await Promise.race([done, late, failing]).finally(() => clearTimeout(timer))
      }
      sessions.push((ended.get(id) ?? Number.NaN) - started)
      firstClaims.push((claims.get(id) ?? Number.NaN) - started)
      for (const map of [claims, ended, waiting]) map.delete(id)
    },
    clear() {
      sessions.length = 0
      firstClaims.length = 0
    },
  }
}

type Look = { counted: Counted; wal: number; node: number; postgres: number | null } & ReturnType<
  Engine['counts']
>

async function look(database: BenchDatabase, engine: Engine): Promise<Look> {
  const counted = await database.count()
  return {
    counted,
    wal: await database.wal(),
    node: nodeCpu(),
    postgres: database.cpu(),
    ...engine.counts(),
  }
}

function figuresOf(before: Look, after: Look, seconds: number, watch: Watch): LoadFigures {
  const grown = (key: keyof Counted) => after.counted[key] - before.counted[key]
  const sessions = grown('sessions_completed')
  if (sessions !== grown('sessions')) throw new Error(`Only ${sessions} sessions are COMPLETED.`)
  const tasks = grown('tasks_completed')
  const transitions = grown('transitions')
  const node = after.node - before.node
  const postgres =
    after.postgres === null || before.postgres === null ? null : after.postgres - before.postgres
  const cpu = postgres === null ? null : node + postgres
  return {
    seconds: rounded(seconds),
    sessions,
    tasks,
    tasks_per_second: rounded(tasks / seconds, 0),
    transitions,
    transitions_per_second: rounded(transitions / seconds, 0),
    checkpoints: grown('checkpoints'),
    events: grown('events'),
    cpu_seconds: { node: rounded(node), postgres: postgres === null ? null : rounded(postgres) },
    cpu_seconds_per_1000_transitions: cpu === null ? null : rounded((cpu / transitions) * 1000, 3),
    transitions_per_cpu_second: cpu === null ? null : rounded(transitions / cpu, 0),
    tasks_per_cpu_second: cpu === null ? null : rounded(tasks / cpu, 0),
    wal_bytes_per_transition: rounded((after.wal - before.wal) / transitions, 0),
    session_ms: percentiles(watch.sessions),
    first_claim_ms: percentiles(watch.firstClaims),
    step: { rounds: after.rounds - before.rounds, conflicts: after.conflicts - before.conflicts },
  }
}
