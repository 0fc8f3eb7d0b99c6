import type { EventView } from '../api/records.ts'

export type LogPiece = {
  stream: string
  /** Whole lines that are ready to be shown. */
  lines: string[]
  tool: string | undefined
  status: string | undefined
  /** The first piece of its text: a heading belongs before it. */
  first: boolean
}

/** A line without an end is shown in pieces of this many characters. */
const longestLine = 64 * 1024
/** Texts begun and never ended; the oldest is forgotten. */
const mostOpen = 1_000

const word = (value: unknown) => (typeof value === 'string' ? value : undefined)

/**
 * Joins the parts of long log texts: what an event ends in the middle of a line waits for the next part.
 * Parts of different tasks, streams and calls may alternate.
 */
export function createJoiner() {
  const open = new Map<string, string>()

  function join({ task_id, data }: EventView): LogPiece {
    const stream = word(data.stream) ?? 'text'
    const key = [task_id ?? '', stream, word(data.call) ?? ''].join(' ')
    const held = open.get(key)
    open.delete(key)
    const lines = `${held ?? ''}${word(data.text) ?? ''}`.split('\n')
    if (data.more === true) keep(key, lines)
    else if (lines.at(-1) === '') lines.pop()
    return { stream, lines, tool: word(data.tool), status: word(data.status), first: held === undefined }
  }

  function keep(key: string, lines: string[]) {
    const rest = lines.pop() ?? ''
    const kept = rest.length <= longestLine
    if (!kept) lines.push(rest)
    open.set(key, kept ? rest : '')
    const oldest = open.size > mostOpen ? open.keys().next().value : undefined
    if (oldest !== undefined) open.delete(oldest)
  }

  return join
}
