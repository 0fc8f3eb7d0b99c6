import { AggregatorRegistry } from 'prom-client'
import type { FleetFacts } from '#core/fleet/facts'
import type { QueueDepth } from '#core/fleet/queues'
import { usageColumns } from '#core/usage/usage'
import type { Measured, Timed } from './measured.ts'
import { buckets, type MetricName, metrics } from './names.ts'

/** Kinds of tokens: the columns of a usage without their ending. */
const tokenKinds = usageColumns.flatMap((column) => {
  const kind = /^(.+)_tokens$/.exec(column)?.[1]
  return kind === undefined ? [] : [{ kind, column }]
})

/** What the queues themselves say; null where they cannot be asked. */
export type QueueDepths = { steps: QueueDepth | null; broadcast: QueueDepth | null }

type Value = { labels: Record<string, string | number>; value: number; metricName?: string }

/** The answer to a scrape, in Prometheus' text format. What is not known has no value: 0 would be a claim. */
export function renderMetrics(facts: FleetFacts, queues: QueueDepths, measured: Measured | null) {
  const values = valuesOf(facts, queues, measured)
  const families = Object.entries(metrics).map(([name, { type, help }]) => {
    return { name, type, help, aggregator: 'sum', values: values.get(name) ?? [] }
  })
  return AggregatorRegistry.aggregate([families]).metrics()
}

/** Of one that no label tells apart; none when it is not known. */
const only = (value: number | null): Value[] => (value === null ? [] : [{ labels: {}, value }])

const by = (label: string, counts: Record<string, number>): Value[] =>
  Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }))

const lowered = (counts: Record<string, number>) =>
  Object.fromEntries(Object.entries(counts).map(([name, n]) => [name.toLowerCase(), n]))

function valuesOf(facts: FleetFacts, { steps, broadcast }: QueueDepths, measured: Measured | null) {
  const { sessions, slots, usage, waiting, oldest } = facts
  const at = (counts: Record<string, number>, ...names: string[]) =>
    names.reduce((sum, name) => sum + (counts[name] ?? 0), 0)
  const depth = {
    ...{ tasks: at(waiting, 'tasks'), sessions: at(waiting, 'sessions') },
    ...(steps && { steps: steps.waiting + steps.in_flight }),
    ...(broadcast && { broadcast: broadcast.waiting + broadcast.in_flight }),
  }
  const letters = [steps, broadcast].map((queue) => queue?.dead_letters ?? null).filter((n) => n !== null)
  const tokens = Object.fromEntries(tokenKinds.map(({ kind, column }) => [kind, at(usage, column)]))
  const stored: Record<StoredName, Value[]> = {
    orchestrator_active_sessions: only(at(sessions, 'RUNNING', 'PAUSING', 'STOPPING')),
    orchestrator_sessions: by('state', sessions),
    orchestrator_sessions_total: by('outcome', lowered(facts.session_outcomes)),
    orchestrator_tasks_total: by('status', lowered(facts.task_ends)),
    orchestrator_tasks: by('state', facts.tasks),
    orchestrator_agents: facts.agents.map(({ state, tier, n }) => ({ labels: { state, tier }, value: n })),
    orchestrator_agent_load_ratio: only(at(slots, 'active') / Math.max(1, at(slots, 'capacity'))),
    orchestrator_queue_depth: by('queue', depth),
    orchestrator_queue_oldest_seconds: by('queue', oldest),
    orchestrator_dead_letters: only(letters.length > 0 ? letters.reduce((sum, n) => sum + n, 0) : null),
    orchestrator_recoveries_total: by('cause', facts.recoveries),
    orchestrator_tokens_total: by('kind', tokens),
    orchestrator_cost_usd_total: only(at(usage, 'cost_usd')),
    orchestrator_websocket_connections: only(measured?.connections ?? null),
  }
  return new Map([...Object.entries(stored), ...Object.entries(timedValues(measured))])
}

type TimedName =
  | { [Name in MetricName]: (typeof metrics)[Name]['type'] extends 'histogram' ? Name : never }[MetricName]
  | 'orchestrator_lease_conflicts_total'
type StoredName = Exclude<MetricName, TimedName>

/** What nobody has measured yet is 0 where no label tells it apart. */
function timedValues(measured: Measured | null): Record<TimedName, Value[]> {
  const of = (name: TimedName) => {
    if (measured === null) return []
    const labels: readonly string[] = metrics[name].labels
    const found = measured.timed.get(name) ?? []
    return found.length > 0 || labels.length > 0 ? found : [{ labels: [], counts: [], sum: 0 }]
  }
  const histogram = (name: TimedName) => of(name).flatMap((one) => histogramValues(name, one))
  return {
    orchestrator_lease_conflicts_total: of('orchestrator_lease_conflicts_total').flatMap(({ counts }) =>
      only(counts[0] ?? 0),
    ),
    orchestrator_step_duration_seconds: histogram('orchestrator_step_duration_seconds'),
    orchestrator_dispatch_latency_seconds: histogram('orchestrator_dispatch_latency_seconds'),
    orchestrator_event_delivery_seconds: histogram('orchestrator_event_delivery_seconds'),
    http_request_duration_seconds: histogram('http_request_duration_seconds'),
  }
}

/** Each bucket counts all that is not above it. */
function histogramValues(name: TimedName, { labels: given, counts, sum }: Timed): Value[] {
  const labels = Object.fromEntries(metrics[name].labels.map((label, i) => [label, given[i] ?? '']))
  let count = 0
  const values: Value[] = [...buckets, '+Inf'].map((le, i) => {
    count += counts[i] ?? 0
    return { labels: { ...labels, le }, value: count, metricName: `${name}_bucket` }
  })
  return [
    ...values,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ]
}
