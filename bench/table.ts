import type { HttpFigures } from './http.ts'
import type { LoadFigures } from './load.ts'
import type { Machine } from './machine.ts'

export type Result = {
  at: string
  machine: Machine
  saturation: LoadFigures | null
  alone: LoadFigures | null
  http: HttpFigures | null
}

type Row = [name: string, value: string, target: string]

const unknown = 'not known here'
const orUnknown = (value: number | null) => (value === null ? unknown : String(value))
const spread = ({ p50, p99 }: { p50: number; p99: number }) => `${p50} / ${p99}`

function saturationRows(figures: LoadFigures): Row[] {
  const { cpu_seconds } = figures
  return [
    ['tasks completed / s', String(figures.tasks_per_second), '≥ 2000'],
    ['durable transitions / s', String(figures.transitions_per_second), '≥ 6000'],
    ['CPU-s / 1,000 transitions', orUnknown(figures.cpu_seconds_per_1000_transitions), '≤ 0.3'],
    ['transitions / CPU-s', orUnknown(figures.transitions_per_cpu_second), ''],
    ['tasks / CPU-s', orUnknown(figures.tasks_per_cpu_second), ''],
    ['CPU-s Node + Postgres', `${cpu_seconds.node} + ${orUnknown(cpu_seconds.postgres)}`, ''],
    ['WAL bytes / transition', String(figures.wal_bytes_per_transition), ''],
    ['session p50 / p99 ms', spread(figures.session_ms), ''],
    ['start → first claim p50 / p99 ms', spread(figures.first_claim_ms), ''],
  ]
}

function aloneRows(figures: LoadFigures): Row[] {
  return [
    ['session p50 / p99 ms', spread(figures.session_ms), ''],
    ['start → first claim p50 / p99 ms', spread(figures.first_claim_ms), 'p50 < 10'],
    ['CPU-s / 1,000 transitions', orUnknown(figures.cpu_seconds_per_1000_transitions), ''],
  ]
}

function httpRows(figures: HttpFigures): Row[] {
  return [
    ['tasks completed / s', String(figures.tasks_per_second), ''],
    ['session p50 / p99 ms', spread(figures.session_ms), ''],
    ['start → first claim p50 / p99 ms', spread(figures.first_claim_ms), ''],
  ]
}

function section(title: string, rows: Row[]) {
  const line = ([name, value, target]: Row) =>
    `  ${name.padEnd(34)}${value.padStart(18)}  ${target}`.trimEnd()
  return [title, ...rows.map(line), '']
}

/** The result for a terminal. */
export function tableOf({ at, machine, saturation, alone, http }: Result) {
  const { postgres } = machine
  const facts = [
    `${at} · ${machine.cores} cores (${machine.cpu}) · ${machine.platform} · Node ${machine.node}`,
    `PostgreSQL ${postgres.version} ${postgres.server}, fsync ${postgres.fsync}, synchronous_commit ${postgres.synchronous_commit}` +
      ` · load before: ${machine.load_before}`,
    '',
  ]
  const lines = [...facts]
  if (saturation) {
    const { sessions, tasks, seconds } = saturation
    lines.push(
      ...section(
        `At saturation: ${sessions} sessions, ${tasks} tasks, ${seconds} s`,
        saturationRows(saturation),
      ),
    )
  }
  if (alone)
    lines.push(...section(`One at a time: ${alone.sessions} sessions on an idle engine`, aloneRows(alone)))
  if (http) {
    const title = `Through HTTP and SQS (npm start's own parts): ${http.sessions} sessions, ${http.tasks} tasks`
    lines.push(...section(title, httpRows(http)))
  }
  return lines.join('\n')
}
