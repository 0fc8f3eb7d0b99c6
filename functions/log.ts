import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger'
import type { LogAttributes, UnformattedAttributes } from '@aws-lambda-powertools/logger/types'

/** Every event that a line may name: past tense, snake_case. No prose to parse. */
export type LogEventName =
  | 'request_completed'
  | 'request_failed'
  | 'step_committed'
  | 'step_failed'
  | 'wake_refused'
  | 'wake_failed'
  | 'agent_silenced'
  | 'lease_conflicted'
  | 'redis_failed'
  | 'sweep_completed'
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
