import type { SessionEvent } from '../../../api/types.ts'
import { type Line, type Stream, streams } from './line.ts'
import type { Ring } from './ring.ts'
import { wordsOf } from './words.ts'

/** A line without an end goes on in the next one after so many characters. */
const longestLine = 16_384
/** Texts begun and not ended; the oldest is forgotten. */
const mostOpen = 1_000

/** The line that a text's next part goes on with; null after a line's end. */
type Open = { index: number; line: Line } | null

/**
 * Makes lines of events. What comes in parts is shown as it comes: the line that a part broke off in grows, also
 * when parts of other tasks have come in between.
 */
export class LineMaker {
  readonly #ring: Ring
  readonly #open = new Map<string, Open>()
  readonly #begun = new Map<string, number>()

  constructor(ring: Ring) {
    this.#ring = ring
  }

  take(event: SessionEvent) {
    if (event.type === 'log') this.#log(event)
    else this.#change(event)
  }

  #change(event: SessionEvent) {
    const said = wordsOf(event)
    if (said === null) return
    const { text, isError } = said
    this.#ring.push({ ...blank(event), stream: 'event', text, isError })
  }

  #log(event: SessionEvent) {
    const { data } = event
    const stream = streamOf(data.stream)
    const key = `${event.task_id ?? ''} ${stream} ${text(data.call)}`
    const status = statusOf(data.status)
    const goesOn = data.more === true
    const took = stream === 'tool' ? this.#took(text(data.call), status, Date.parse(event.at)) : null
    const tool = text(data.tool) || null
    const isError = stream === 'stderr' || status === 'error'
    const all = { ...blank(event), stream, tool, status, isError }
    const held = this.#open.get(key)
    this.#open.delete(key)
    const lines = text(data.text)
      .replace(/\r+\n?/g, '\n')
      .split('\n')
    if (!goesOn && lines.length > 1 && lines.at(-1) === '') lines.pop()
    let last: Open = held ?? null
    let nth = 0
    for (const [i, piece] of lines.entries()) {
      if (i === 0 && held && held.line.text.length + piece.length <= longestLine) {
        last = this.#grow(held, piece)
        continue
      }
      // Only the end of a text that goes on is empty here without being an empty line.
      if (goesOn && i === lines.length - 1 && piece === '') last = null
      else last = this.#push({ ...all, nth: nth++, took: i === 0 ? took : null, text: piece })
    }
    if (goesOn) this.#keep(key, last)
  }

  #push(line: Line): Open {
    return { index: this.#ring.push(line), line }
  }

  #grow(held: NonNullable<Open>, piece: string): Open {
    if (piece === '') return held
    const line = { ...held.line, text: held.line.text + piece }
    return this.#ring.replace(held.index, line) ? { index: held.index, line } : this.#push(line)
  }

  #keep(key: string, open: Open) {
    this.#open.set(key, open)
    const oldest = this.#open.size > mostOpen ? this.#open.keys().next().value : undefined
    if (oldest !== undefined) this.#open.delete(oldest)
  }

  #took(call: string, status: Line['status'], at: number) {
    if (call === '') return null
    const begun = this.#begun.get(call)
    if (status !== 'running') {
      this.#begun.delete(call)
      return begun === undefined ? null : Math.max(0, at - begun)
    }
    this.#begun.set(call, at)
    const oldest = this.#begun.size > mostOpen ? this.#begun.keys().next().value : undefined
    if (oldest !== undefined) this.#begun.delete(oldest)
    return null
  }
}

function blank({ seq, at, task_id }: Pick<SessionEvent, 'seq' | 'at' | 'task_id'>): Line {
  const nothing = { tool: null, status: null, took: null, isError: false } as const
  const of = { seq, nth: 0, at: Date.parse(at), task_id: task_id ?? null }
  return { ...of, stream: 'text', text: '', ...nothing }
}

function streamOf(value: unknown): Stream {
  return streams.find((stream) => stream === value) ?? 'text'
}

function statusOf(value: unknown): Line['status'] {
  return value === 'running' || value === 'completed' || value === 'error' ? value : null
}

function text(value: unknown) {
  return typeof value === 'string' ? value : ''
}
