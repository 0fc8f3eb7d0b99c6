import { execFileSync } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const processStat = (pid: number): string[] | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the command in parentheses and may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

/** Whether a process runs. A zombie does not: where nobody reaps orphans it would look alive for ever. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  const state = processStat(pid)?.[0]
  return state !== 'Z' && state !== 'X'
}

/** What tells a process from a later one with the same pid: its start time, where the system says. */
export const startedAt = (pid: number): string => {
  const ticks = processStat(pid)?.[19]
  if (ticks !== undefined) return ticks
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      timeout: 5_000,
    }).trim()
  } catch {
    return ''
  }
}

/** Sends a signal; false when there was nobody to take it. A negative pid means its process group. */
export const signal = (pid: number, name: NodeJS.Signals): boolean => {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

/** The first executable of these names on PATH. */
export const findOnPath = (names: readonly string[], path = process.env.PATH ?? ''): string | null => {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue
    for (const name of names) {
      const candidate = join(folder, name)
      try {
        accessSync(candidate, constants.X_OK)
        return candidate
      } catch {
        // Not here: the next folder may have it.
      }
    }
  }
  return null
}
