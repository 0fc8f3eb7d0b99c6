import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger'
import type { LogAttributes, UnformattedAttributes } from '@aws-lambda-powertools/logger/types'

import type { EventType } from '#core/event/event'
import type { Told } from '#core/services'
import { domainEvents, type LogEventName } from './log-events.ts'
import { requestId } from './request.ts'

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

/** Every line of an invocation says which one. */
function whole(fields: Record<string, unknown> = {}) {
  const request_id = requestId()
  return request_id === undefined ? fields : { request_id, ...fields }
}

/** A logger named `orchestrator.<part>`: one JSON object a line. LOG_LEVEL is powertools' own POWERTOOLS_LOG_LEVEL. */
export function logger(part: string): Log {
  const lines = new StdoutLogger({ serviceName: `orchestrator.${part}`, logFormatter: new OneLine() })
  return {
    debug: (event, fields) => lines.debug(event, whole(fields)),
    info: (event, fields) => lines.info(event, whole(fields)),
    warn: (event, fields) => lines.warn(event, whole(fields)),
    error: (event, fields) => lines.error(event, whole(fields)),
  }
}

const lineOf: Partial<Record<EventType, LogEventName>> = domainEvents

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
