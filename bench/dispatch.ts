import { createSession } from '#core/session/create'
import { startAgents } from './agents.ts'
import type { BenchDatabase, TaskEvent } from './database.ts'
import { openEngine } from './engine.ts'
import { type Percentiles, percentiles, rounded } from './measure.ts'
import { sequentialSession } from './plan.ts'

export type DispatchOptions = {
  sessions: number
  tasks: number
  agents: number
  capacity: number
  /** How long a scripted worker holds each task. */
  work_ms: number
  /** Connections of each role. */
  pool: number
}

export type DispatchFigures = {
  seconds: number
  sessions: number
  /** By their own events: made, handed in exactly once, never handed in, and claimed or handed in again. */
  tasks: number
  completed: number
  lost: number
  run_twice: number
  /** From the look that found a task ready to the answer of its claim. */
  dispatch_ms: Percentiles
}

const deadlineMs = 50_000
const warmUp = 20

/** All sessions at once, on a fleet with a slot for each; afterwards the events of every task are counted. */
export async function runDispatch(
  database: BenchDatabase,
  options: DispatchOptions,
): Promise<DispatchFigures> {
  const watch = watchTasks()
  const engine = openEngine(database.url, { pool: options.pool })
  const agents = await startAgents(engine, options, watch)
  const input = sequentialSession(options.tasks)
  async function run(count: number) {
    // The integration is a task more.
    const handedIn = watch.handedIn(count * (options.tasks + 1))
    const making = Array.from({ length: count }, () => createSession(engine.services, engine.operator, input))
    await Promise.all([...making, handedIn])
    await engine.idle()
  }
  try {
    await run(warmUp)
    await database.analyze()
    await database.forget('sessions')
    const started = performance.now()
    await run(options.sessions)
    const seconds = rounded((performance.now() - started) / 1000)
    const { sessions_completed } = await database.count()
    const counted = countTasks(await database.taskEvents(), watch.claims)
    return { seconds, sessions: sessions_completed, ...counted }
  } finally {
    await agents.stop()
    await engine.close()
    await database.forget('everything')
  }
}

/** When each task was claimed, and how many were handed in. */
function watchTasks() {
  const claims = new Map<string, number>()
  let left = 0
  let done: () => void = () => {}
  let fail: (error: unknown) => void = () => {}
  return {
    claims,
    onClaim: (_session_id: string, task_id: string) => claims.set(task_id, Date.now()),
    onDone() {
      left -= 1
      if (left === 0) done()
    },
    onError: (error: unknown) => fail(error),
    handedIn(count: number) {
      left = count
      return new Promise<void>((resolve, reject) => {
        const late = () => reject(new Error(`${left} of ${count} tasks were not handed in.`))
        const timer = setTimeout(late, deadlineMs)
        done = () => {
          clearTimeout(timer)
          resolve()
        }
        fail = (error) => {
          clearTimeout(timer)
          reject(error)
        }
      })
    },
  }
}

function countTasks(events: TaskEvent[], claims: Map<string, number>) {
  const byTask = new Map<string, TaskEvent[]>()
  for (const event of events) byTask.set(event.task_id, [...(byTask.get(event.task_id) ?? []), event])
  const figures = { tasks: byTask.size, completed: 0, lost: 0, run_twice: 0 }
  const latencies: number[] = []
  for (const [id, own] of byTask) {
    const times = (type: string) => own.filter((event) => event.type === type).length
    if (times('task.completed') === 1) figures.completed += 1
    if (times('task.completed') === 0) figures.lost += 1
    if (times('task.completed') > 1 || times('task.running') > 1) figures.run_twice += 1
    const ready = own.findLast(({ state }) => state === 'READY')
    const claimed = claims.get(id)
    if (ready && claimed !== undefined) latencies.push(claimed - Date.parse(ready.at))
  }
  return { ...figures, dispatch_ms: percentiles(latencies) }
}
