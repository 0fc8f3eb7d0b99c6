import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export type Percentiles = { p50: number; p99: number; n: number }

/** Nearest-rank percentiles of latencies in ms, to a hundredth. */
export function percentiles(values: number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  return { p50: rounded(at(0.5)), p99: rounded(at(0.99)), n: sorted.length }
}

export const rounded = (value: number, digits = 2) => Number(value.toFixed(digits))

/** CPU seconds that this process has used. */
export function nodeCpu() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/**
 * CPU seconds of a server and its children, those that have ended too. null where there is no /proc, and for
 * a server that is not ours: then it is not known.
 */
export function treeCpu(pid: number | null): number | null {
  if (pid === null || process.platform !== 'linux') return null
  const own = statOf(pid)
  if (!own) return null
  const children = childrenOf(pid).map((child) => statOf(child)?.own ?? 0)
  return children.reduce((sum, ticks) => sum + ticks, own.own + own.reaped) / ticksPerSecond()
}

function statOf(pid: number) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the command in parentheses and may hold spaces; utime is the 14th of all.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15)
    return { own: utime + stime, reaped: cutime + cstime }
  } catch {
    return null
  }
}

function childrenOf(pid: number) {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

let ticks: number | undefined
function ticksPerSecond() {
  ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8', timeout: 5_000 }))
  return ticks
}
