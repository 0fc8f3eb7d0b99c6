import { StringDecoder } from 'node:string_decoder'

const colours = { debug: 90, info: 36, warn: 33, error: 31 } as const
const isLevel = (level: string): level is keyof typeof colours => level in colours

const paint = (code: number, text: string, colour: boolean): string =>
  colour ? `\x1b[${code}m${text}\x1b[0m` : text

/** Told by their place in the line, or of no use to a person. */
const placed = new Set(['timestamp', 'level', 'event', 'logger', 'message'])
const ids = ['session_id', 'task_id', 'agent_id']

const show = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  const short = text.length > 300 ? `${text.slice(0, 300)}…` : text
  // A line stays a line, and cannot move the cursor.
  const clean = JSON.stringify(short).slice(1, -1).replaceAll('\\"', '"')
  return clean.includes(' ') && typeof value === 'string' ? `"${clean}"` : clean
}

const parse = (line: string): Record<string, unknown> | null => {
  if (!line.startsWith('{')) return null
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}

const localTime = (timestamp: unknown): string => {
  const at = new Date(String(timestamp))
  if (Number.isNaN(at.getTime())) return '            '
  const two = (value: number) => String(value).padStart(2, '0')
  const seconds = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return `${seconds}.${String(at.getMilliseconds()).padStart(3, '0')}`
}

/** One of our JSON log lines as a person reads it; anything else as it is. `source` is who wrote it. */
export const renderLogLine = (line: string, options: { colour: boolean; source?: string }): string => {
  const { colour, source } = options
  const record = parse(line)
  const level = String(record?.level ?? '').toLowerCase()
  if (record === null || typeof record.event !== 'string' || !isLevel(level)) {
    return source === undefined ? line : `${paint(90, source, colour)} ${line}`
  }
  const who = source ?? String(record.logger ?? '').replace(/^orchestrator\./, '')
  const named = ids.filter((name) => record[name] !== undefined).map((name) => show(record[name]))
  const rest = Object.entries(record)
    .filter(([name]) => !placed.has(name) && !ids.includes(name))
    .map(([name, value]) => `${paint(90, `${name}=`, colour)}${show(value)}`)
  const parts = [
    paint(90, localTime(record.timestamp), colour),
    paint(colours[level], level.padEnd(5), colour),
    who.padEnd(10),
    paint(1, show(record.event).replaceAll('_', ' ').replaceAll('"', ''), colour),
    ...named,
    ...rest,
  ]
  return parts.join(' ')
}

/** A longer line is cut in pieces rather than kept. */
const maxLine = 256 * 1024

/** Cuts a stream of text into lines. */
export const makeLineSplitter = (
  onLine: (line: string) => void,
): { push: (chunk: Uint8Array | string) => void; end: () => void } => {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const flush = (): void => {
    if (rest !== '') onLine(rest)
    rest = ''
  }
  return {
    push: (chunk) => {
      rest += typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk))
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) onLine(line)
      if (rest.length > maxLine) flush()
    },
    end: flush,
  }
}

/**
 * Renders whatever this process writes to stdout from now on, handlers' log lines above all.
 * Answers the way back to the plain stream.
 */
export const renderStdout = (stream: NodeJS.WriteStream, colour: boolean): (() => void) => {
  const plain = stream.write.bind(stream)
  const lines = makeLineSplitter((line) => plain(`${renderLogLine(line, { colour })}\n`))
  const write: typeof stream.write = (
    chunk: Uint8Array | string,
    encodingOrDone?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void,
  ) => {
    lines.push(chunk)
    const then = typeof encodingOrDone === 'function' ? encodingOrDone : done
    if (then !== undefined) process.nextTick(then)
    return true
  }
  stream.write = write
  return () => {
    lines.end()
    stream.write = plain
  }
}
