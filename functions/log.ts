import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger'
import type { LogAttributes, UnformattedAttributes } from '@aws-lambda-powertools/logger/types'

import type { EventType } from '#core/event/event'
import type { Told } from '#core/services'

/** Domain events as lines: past tense. What is no line of its own (log, usage, …) is left to the session's history. */
export const logEventOf = {
  'session.created': 'session_created',
  'session.queued': 'session_queued',
  'session.running': 'session_started',
  'session.pausing': 'session_pause_requested',
  'session.paused': 'session_paused',
  'session.stopping': 'session_stop_requested',
  'session.stopped': 'session_stopped',
  'session.completed': 'session_completed',
  'session.failed': 'session_failed',
  'session.retried': 'session_retried',
  'session.updated': 'session_updated',
  'task.created': 'task_created',
  'task.ready': 'task_readied',
  'task.assigned': 'task_assigned',
  'task.running': 'task_started',
  'task.completed': 'task_completed',
  'task.failed': 'task_failed',
  'task.cancelled': 'task_cancelled',
  'task.lost': 'task_lost',
  'task.released': 'task_released',
  'task.blocked': 'task_blocked',
} as const satisfies Partial<Record<EventType, string>>

/** Every event that a line may name: past tense, snake_case. No prose to parse. */
export type LogEventName =
  | (typeof logEventOf)[keyof typeof logEventOf]
  | 'request_completed'
  | 'request_failed'
  | 'step_committed'
  | 'step_failed'
  | 'wake_refused'
  | 'wake_failed'
  | 'agent_silenced'
  | 'lease_conflicted'
  | 'redis_failed'
  | 'socket_opened'
  | 'socket_refused'
  | 'socket_closed'
  | 'viewer_gone'
  | 'viewer_late'
  | 'post_refused'
  | 'broadcast_failed'
  | 'sweep_completed'
  | 'retention_applied'
  | 'webhooks_delivered'
  | 'migration_completed'

class OneLine extends LogFormatter {
  override formatAttributes(attributes: UnformattedAttributes, additional: LogAttributes) {
    const line = new LogItem({
      attributes: {
        timestamp: attributes.timestamp.toISOString(),
        level: attributes.logLevel.toLowerCase(),
        event: attributes.message,
        logger: attributes.serviceName,
      },
    })
    const { error, ...fields } = additional
    line.addAttributes(fields)
    if (error instanceof Error) line.addAttributes({ reason: error.message, stack: error.stack ?? '' })
    return line
  }
}

/** Everything goes to stdout, whatever its level: a collector reads one stream. */
class StdoutLogger extends Logger {
  override printLog(_level: number, line: LogItem) {
    process.stdout.write(`${JSON.stringify(line.getAttributes(), this.getJsonReplacer())}\n`)
  }
}

export type Log = {
  debug(event: LogEventName, fields?: Record<string, unknown>): void
  info(event: LogEventName, fields?: Record<string, unknown>): void
  warn(event: LogEventName, fields?: Record<string, unknown>): void
  error(event: LogEventName, fields?: Record<string, unknown>): void
}

/** A logger named `orchestrator.<part>`: one JSON object a line. LOG_LEVEL is powertools' own POWERTOOLS_LOG_LEVEL. */
export function logger(part: string): Log {
  const lines = new StdoutLogger({ serviceName: `orchestrator.${part}`, logFormatter: new OneLine() })
  return {
    debug: (event, fields = {}) => lines.debug(event, fields),
    info: (event, fields = {}) => lines.info(event, fields),
    warn: (event, fields = {}) => lines.warn(event, fields),
    error: (event, fields = {}) => lines.error(event, fields),
  }
}

const lineOf: Partial<Record<EventType, LogEventName>> = logEventOf

/** Writes a line for each committed event that is one. Prompts and outputs stay in the history. */
export function logTold(log: Log, request_id: (session_id: string) => string | undefined): Told {
  return (of, events) => {
    for (const { type, task_id, agent_id, data } of events) {
      const line = lineOf[type]
      if (!line) continue
      const fields = { ...of, task_id, agent_id, ...pick(data), request_id: request_id(of.session_id) }
      log.info(line, Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)))
    }
  }
}

const told = ['from', 'to', 'attempt', 'key', 'code']

function pick(data: object) {
  return Object.fromEntries(Object.entries(data).filter(([name]) => told.includes(name)))
}
