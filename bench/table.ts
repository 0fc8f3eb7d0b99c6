import type { DispatchFigures } from './dispatch.ts'
import type { FloorFigures } from './floor.ts'
import type { HttpFigures } from './http.ts'
import type { LiveFigures } from './live.ts'
import type { LoadFigures } from './load.ts'
import type { Machine } from './machine.ts'
import type { RequestFigures } from './requests.ts'
import type { RoutingFigures } from './routing.ts'
import type { StartFigures } from './start.ts'

export type Result = {
  at: string
  machine: Machine
  floor: FloorFigures | null
  saturation: LoadFigures | null
  alone: LoadFigures | null
  http: HttpFigures | null
  api: RequestFigures | null
  routing: RoutingFigures | null
  dispatch: DispatchFigures | null
  live: LiveFigures | null
  start: StartFigures | null
}

type Row = [name: string, value: string, target: string]

const unknown = 'not known here'
const orUnknown = (value: number | null) => (value === null ? unknown : String(value))
const spread = ({ p50, p99 }: { p50: number; p99: number }) => `${p50} / ${p99}`

function floorRows(figures: FloorFigures): Row[] {
  return [
    ['steps / s', String(figures.steps_per_second), ''],
    ['CPU-s / 1,000 steps', orUnknown(figures.cpu_seconds_per_1000_steps), ''],
  ]
}

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

const requestNames = {
  bare: 'bare hono, one SELECT',
  create: 'create a session',
  read: 'read a session',
  list: 'list sessions, 20 of them',
} as const

/** Requests/s, p50 and p99, and the share of what the bare handler does at as many connections. */
function requestRows(figures: RequestFigures): Row[] {
  return (['bare', 'create', 'read', 'list'] as const).flatMap((name) =>
    figures[name].map(
      ({ connections, requests_per_second, latency_ms, ratio }): Row => [
        `${requestNames[name]}, ${connections}`,
        `${requests_per_second} · ${spread(latency_ms)}`,
        ratio === null ? '' : `${ratio} of bare`,
      ],
    ),
  )
}

function routingRows(figures: RoutingFigures): Row[] {
  return [
    ['decision + statement p50 / p99 ms', spread(figures.routing_ms), 'p50 < 50'],
    ['decision p50 / p99 ms', spread(figures.decision_ms), ''],
    ['its statement p50 / p99 ms', spread(figures.statement_ms), ''],
    ['statements', String(figures.statements), '1'],
    ['load before p50 / p99 ms', spread(figures.load_ms), ''],
    ['CPU-ms Node + Postgres, all', `${figures.cpu_ms.node} + ${orUnknown(figures.cpu_ms.postgres)}`, ''],
  ]
}

function dispatchRows(figures: DispatchFigures): Row[] {
  return [
    ['ready → claimed p50 / p99 ms', spread(figures.dispatch_ms), 'p99 < 250'],
    ['tasks handed in exactly once', `${figures.completed} of ${figures.tasks}`, 'all'],
    ['tasks lost, run twice', `${figures.lost}, ${figures.run_twice}`, '0, 0'],
    ['sessions COMPLETED', String(figures.sessions), 'all'],
  ]
}

function liveRows({ rounds, catch_up }: LiveFigures): Row[] {
  const target = (viewers: number) => (viewers === 100 ? 'p99 < 100' : '')
  return [
    ...rounds.map(
      ({ viewers, latency_ms }): Row => [
        `post → frame p50 / p99 ms, ${viewers} viewer${viewers === 1 ? '' : 's'}`,
        spread(latency_ms),
        target(viewers),
      ],
    ),
    ...rounds.map(
      ({ viewers, delivered_share, gaps }): Row => [
        `delivered, ${viewers}: share, gaps`,
        `${delivered_share}, ${gaps}`,
        '1, 0',
      ],
    ),
    [`catch-up of ${catch_up.events} events, ms`, String(catch_up.ms), '< 1000'],
  ]
}

function startRows(figures: StartFigures): Row[] {
  return figures.map(({ name, kb, import_ms, cpu_ms }) => [
    `${name}: KB, import ms (CPU)`,
    `${kb}, ${import_ms} (${cpu_ms})`,
    '',
  ])
}

function section(title: string, rows: Row[]) {
  const line = ([name, value, target]: Row) =>
    `  ${name.padEnd(34)}${value.padStart(18)}  ${target}`.trimEnd()
  return [title, ...rows.map(line), '']
}

/** The result for a terminal. */
export function tableOf({
  at,
  machine,
  floor,
  saturation,
  alone,
  http,
  api,
  routing,
  dispatch,
  live,
  start,
}: Result) {
  const { postgres } = machine
  const facts = [
    `${at} · ${machine.cores} cores (${machine.cpu}) · ${machine.platform} · Node ${machine.node}`,
    `PostgreSQL ${postgres.version} ${postgres.server}, fsync ${postgres.fsync}, synchronous_commit ${postgres.synchronous_commit}` +
      ` · load before: ${machine.load_before}`,
    '',
  ]
  const lines = [...facts]
  if (floor)
    lines.push(
      ...section('This machine at best: four rows a step, sessions share a commit', floorRows(floor)),
    )
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
  if (api)
    lines.push(
      ...section('The API, by connections: requests/s · p50 / p99 ms, and the ratio', requestRows(api)),
    )
  if (routing) {
    const title = `Routing ${routing.tasks} ready tasks over ${routing.agents} agents, warm`
    lines.push(...section(title, routingRows(routing)))
  }
  if (dispatch) {
    const title = `All at once: ${dispatch.sessions} sessions, a slot for each, ${dispatch.seconds} s`
    lines.push(...section(title, dispatchRows(dispatch)))
  }
  if (live) lines.push(...section(`Live: ${live.rate} events/s of one session`, liveRows(live)))
  if (start) lines.push(...section('Cold import of each bundle, medians', startRows(start)))
  return lines.join('\n')
}
