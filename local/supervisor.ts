import type { ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { endChild, endLeftover, startBoundChild } from './child.ts'
import { type Log, reasonOf } from './log.ts'
import { makeLineSplitter } from './log-lines.ts'
import { signal } from './process.ts'
import { root } from './root.ts'

export type WorkerPlan = { name: string; capabilities: readonly string[]; capacity: number }

export type SupervisorOptions = {
  worker: WorkerPlan
  /** What the worker is run with: its command's arguments for Node. */
  args?: readonly string[]
  /** The whole environment of the worker but for what its plan says. */
  env: NodeJS.ProcessEnv
  data: string
  log: Log
  /** Takes each line that the worker prints. */
  onLine: (line: string, worker: string) => void
  /** The first pause before a dead worker is started again; doubles up to 30 s, and starts anew after a minute alive. */
  backoffMs?: number
  /** How long it may take to end when asked. */
  graceMs?: number
}

export type Supervisor = {
  name: string
  /** The worker's process now, if it runs. */
  pid: () => number | undefined
  restarts: () => number
  stop: () => Promise<void>
}

const maxBackoffMs = 30_000
const steadyMs = 60_000
/** How a worker says that another one of its name took over (functions/worker/worker.ts, exitCodes). */
const takenOver = 3

/** Runs an agent worker as a process of its own, and runs it again whenever it dies. */
export const superviseWorker = (options: SupervisorOptions): Supervisor => {
  const { worker, log, data, backoffMs = 500, graceMs = 15_000 } = options
  const home = join(data, 'agents', worker.name)
  const pidFile = join(data, 'agents', `${worker.name}.pid`)
  mkdirSync(home, { recursive: true, mode: 0o700 })
  let child: ChildProcess | null = null
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let restarts = 0
  let stopping = false

  const start = (): void => {
    const startedAtMs = Date.now()
    const started = startBoundChild({
      command: process.execPath,
      args: options.args ?? ['--import', 'tsx', 'functions/worker/main.ts'],
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      pidFile,
      env: {
        ...options.env,
        AGENT_NAME: worker.name,
        AGENT_CAPABILITIES: worker.capabilities.join(','),
        AGENT_CAPACITY: String(worker.capacity),
        AGENT_HOME: home,
      },
    })
    child = started
    for (const stream of [started.stdout, started.stderr]) {
      const lines = makeLineSplitter((line) => options.onLine(line, worker.name))
      stream?.on('data', lines.push)
      stream?.on('end', lines.end)
    }
    // One of the two comes: a process that could not be started has no exit.
    started.once('error', (error) => ended(started, startedAtMs, reasonOf(error)))
    started.once('exit', (code, by) => ended(started, startedAtMs, by ?? `exit ${code}`))
  }

  const ended = (dead: ChildProcess, since: number, reason: string): void => {
    if (child !== dead) return
    child = null
    // What it left in its process group has nobody any more.
    if (dead.pid !== undefined) signal(-dead.pid, 'SIGKILL')
    if (stopping) return
    // Another process has registered with this name: taking it back would only be taken again.
    if (dead.exitCode === takenOver) {
      log('warn', 'worker_taken_over', { worker: worker.name })
      return
    }
    failures = Date.now() - since >= steadyMs ? 0 : failures
    const wait = Math.min(maxBackoffMs, backoffMs * 2 ** Math.min(failures, 10))
    failures += 1
    restarts += 1
    log('warn', 'worker_died', { worker: worker.name, reason, restart_in_ms: wait })
    timer = setTimeout(start, wait)
  }

  start()
  return {
    name: worker.name,
    pid: () => child?.pid,
    restarts: () => restarts,
    stop: async () => {
      stopping = true
      clearTimeout(timer)
      if (child !== null) await endChild(child, graceMs)
      endLeftover(pidFile)
    },
  }
}
