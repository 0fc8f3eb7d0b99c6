type Metric = { type: 'gauge' | 'counter' | 'histogram'; labels: readonly string[]; help: string }

/**
 * Every metric that we export. Labels are bounded: states, routes as they are written in the code, queues.
 * Gauges and counters of facts come from Postgres when they are asked for; `timed` ones are added up in Redis.
 */
export const metrics = {
  orchestrator_active_sessions: {
    type: 'gauge',
    labels: [],
    help: 'Sessions that hold a place: RUNNING, PAUSING or STOPPING.',
  },
  orchestrator_sessions: { type: 'gauge', labels: ['state'], help: 'Sessions by state.' },
  orchestrator_sessions_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'Sessions that ended, each time that they did.',
  },
  orchestrator_tasks_total: {
    type: 'counter',
    labels: ['status'],
    help: 'Tasks that ended, each time that they did.',
  },
  orchestrator_tasks: { type: 'gauge', labels: ['state'], help: 'Tasks by state.' },
  orchestrator_agents: {
    type: 'gauge',
    labels: ['state', 'tier'],
    help: 'Agents by state and by what they have proved.',
  },
  orchestrator_agent_load_ratio: {
    type: 'gauge',
    labels: [],
    help: 'Slots taken over slots there are, of agents that are not OFFLINE; 0 without any.',
  },
  orchestrator_step_duration_seconds: {
    type: 'histogram',
    labels: [],
    help: 'How long one batch of wakes took.',
  },
  orchestrator_dispatch_latency_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From a task being ready to its being claimed.',
  },
  orchestrator_event_delivery_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From an event happening to its being posted to the viewers of its session.',
  },
  orchestrator_queue_depth: {
    type: 'gauge',
    labels: ['queue'],
    help: 'What waits: tasks for an agent, sessions for a place, messages of steps and broadcast in their queues.',
  },
  orchestrator_queue_oldest_seconds: {
    type: 'gauge',
    labels: ['queue'],
    help: 'How long the oldest has waited: task, session, or step that is due.',
  },
  orchestrator_dead_letters: {
    type: 'gauge',
    labels: [],
    help: 'Messages that were given up, of all queues.',
  },
  orchestrator_lease_conflicts_total: {
    type: 'counter',
    labels: [],
    help: 'Leases that another handler held.',
  },
  orchestrator_recoveries_total: {
    type: 'counter',
    labels: ['cause'],
    help: 'Work that went on after something failed.',
  },
  orchestrator_tokens_total: { type: 'counter', labels: ['kind'], help: 'Tokens, as the engines told them.' },
  orchestrator_cost_usd_total: {
    type: 'counter',
    labels: [],
    help: 'Cost in US dollars, as the engines told it.',
  },
  orchestrator_websocket_connections: { type: 'gauge', labels: [], help: 'WebSocket connections.' },
  http_request_duration_seconds: {
    type: 'histogram',
    labels: ['method', 'route', 'status'],
    help: 'How long requests took, by route.',
  },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof metrics

/** Upper bounds of every histogram, in seconds. */
export const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] as const
