import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { findOnPath, isAlive, signal, startedAt } from './process.ts'

/** Linux only: the kernel kills the child when we die, however we die. */
const deathBinder = process.platform === 'linux' ? findOnPath(['setpriv']) : null

/** Ended when this process exits in any way that it can see itself. */
const bound = new Set<number>()
process.once('exit', () => {
  for (const pid of bound) signal(-pid, 'SIGKILL')
})

export type ChildOptions = {
  command: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  cwd: string
  stdio: NonNullable<SpawnOptions['stdio']>
  /** Where its pid is noted, so that a later run ends what this one could not. */
  pidFile: string
}

/**
 * Starts a process that dies with us: bound by the kernel where that is possible, else ended by the next run.
 * It leads a process group of its own, so that Ctrl-C in the terminal reaches only us.
 */
export const startBoundChild = (options: ChildOptions): ChildProcess => {
  endLeftover(options.pidFile)
  const [command, args] =
    deathBinder === null
      ? [options.command, [...options.args]]
      : [deathBinder, ['--pdeathsig', 'KILL', '--', options.command, ...options.args]]
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: options.stdio,
    detached: true,
  })
  const { pid } = child
  if (pid !== undefined) {
    bound.add(pid)
    child.once('exit', () => bound.delete(pid))
    mkdirSync(dirname(options.pidFile), { recursive: true })
    writeFileSync(options.pidFile, `${pid} ${startedAt(pid)}\n`)
  }
  return child
}

/** Kills the process group that an earlier run noted, unless the pid now belongs to somebody else. */
export const endLeftover = (pidFile: string): void => {
  let note: string
  try {
    note = readFileSync(pidFile, 'utf8').trim()
  } catch {
    return
  }
  const [pidText = '', ...since] = note.split(' ')
  const pid = Number(pidText)
  const known = Number.isInteger(pid) && pid > 1 && isAlive(pid) && startedAt(pid) === since.join(' ')
  if (known) signal(-pid, 'SIGKILL')
  rmSync(pidFile, { force: true })
}

/** Ends a child: SIGTERM, SIGKILL to its group after `graceMs`. Resolves when it is gone. */
export const endChild = (child: ChildProcess, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    const { pid } = child
    if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return resolve()
    const timer = setTimeout(() => signal(-pid, 'SIGKILL'), graceMs)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    signal(pid, 'SIGTERM')
  })
