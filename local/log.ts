import type { LogEventName } from '#functions/log-events'

/** Our own log lines, in the shape that every part of the product uses: one JSON object a line on stdout. */
export type Log = (
  level: 'info' | 'warn' | 'error',
  event: LogEventName,
  fields?: Record<string, unknown>,
) => void

export const makeLog =
  (logger: string, write: (line: string) => void): Log =>
  (level, event, fields = {}) => {
    write(`${JSON.stringify({ timestamp: new Date().toISOString(), level, event, logger, ...fields })}\n`)
  }

/** What an error says, with its causes, in one line; bounded. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error).slice(0, 2_000)
  const cause = error.cause === undefined ? '' : ` (${reasonOf(error.cause)})`
  return `${error.name}: ${error.message}${cause}`.slice(0, 2_000)
}
