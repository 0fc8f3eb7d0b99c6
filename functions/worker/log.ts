import type { LogEventName } from '../log-events.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type Fields = Record<string, unknown>
export type Log = (event: LogEventName, fields?: Fields, level?: LogLevel) => void

/**
 * Makes a log: one JSON object a line, on stdout unless told otherwise. `context` is read at each line, so
 * that ids that become known later (agent_id) are carried. No prompt text, token or secret belongs in it.
 */
export function createLog(context: () => Fields, write: (line: string) => void = toStdout): Log {
  return (event, fields = {}, level = 'info') => {
    const line = {
      timestamp: new Date().toISOString(),
      level,
      event,
      logger: 'orchestrator.worker',
      ...context(),
      ...fields,
    }
    write(`${JSON.stringify(line)}\n`)
  }
}

/** The same log with more context, e.g. the session and task of an attempt. */
export function withFields(log: Log, more: Fields): Log {
  return (event, fields, level) => log(event, { ...more, ...fields }, level)
}

/** What went wrong as text, whatever was thrown. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

function toStdout(line: string) {
  process.stdout.write(line)
}
