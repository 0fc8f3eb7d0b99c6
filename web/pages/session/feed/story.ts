import type { SessionEvent } from '../../../api/types.ts'

/** A stretch of a task's life. `failed` and `lost` are attempts that ended so; `asked` needs a person. */
export type SpanKind = 'waited' | 'ran' | 'asked' | 'failed' | 'lost' | 'children'
export type Span = {
  kind: SpanKind
  /** In ms since 1970; `to` is null while it lasts. */
  from: number
  to: number | null
  attempt: number
  agent_id: string | null
  /** Why it ended as it did, when that was no success. */
  note: string | null
}
export type Entered = { state: string; at: number }

/** Tokens are gathered in steps of so many ms. */
export const usageStep = 5_000

/** What the history says of a session's course: states, stretches of its tasks, tokens over time. */
export class Story {
  /** States of the session in the order that it went through them. */
  states: Entered[] = []
  readonly spans = new Map<string, Span[]>()
  /** What ancestors called their tasks, too: a fork's history begins with theirs. */
  readonly keys = new Map<string, string>()
  /** Tokens used, by the step of time in which they were reported. */
  readonly tokens = new Map<number, number>()

  take(event: SessionEvent) {
    const { type, data, task_id } = event
    const at = Date.parse(event.at)
    if (type === 'session.forked') this.#begin()
    if (type.startsWith('session.')) this.#enter(at, data)
    if (type === 'usage.reported') this.#use(at, data)
    if (task_id === undefined || !type.startsWith('task.')) return
    if (type === 'task.created') this.keys.set(task_id, text(data.key))
    this.#move(event, task_id, at)
  }

  /** What came before is another session's. */
  #begin() {
    this.states = []
    this.spans.clear()
    this.tokens.clear()
  }

  #enter(at: number, { to }: SessionEvent['data']) {
    if (typeof to === 'string') this.states.push({ state: to, at })
    else if (this.states.length === 0) this.states.push({ state: 'PENDING', at })
  }

  #use(at: number, data: SessionEvent['data']) {
    const step = Math.floor(at / usageStep) * usageStep
    const tokens = number(data.input_tokens) + number(data.output_tokens) + number(data.reasoning_tokens)
    this.tokens.set(step, (this.tokens.get(step) ?? 0) + tokens)
  }

  #move({ type, data, agent_id }: SessionEvent, id: string, at: number) {
    const spans = this.spans.get(id) ?? []
    this.spans.set(id, spans)
    const last = spans.at(-1)
    if (last && last.to === null) {
      last.to = at
      if (last.kind === 'ran' || last.kind === 'asked') settle(last, type, data)
    }
    const state = type === 'task.created' ? data.state : data.to
    const kind = kinds[text(state)]
    if (kind === undefined) return
    const attempt = number(data.attempt) || (last?.attempt ?? 0)
    const holder = kind === 'waited' ? null : (agent_id ?? last?.agent_id ?? null)
    // Ready and offered is one wait.
    if (kind === 'waited' && last?.kind === 'waited' && last.to === at) {
      last.to = null
      return
    }
    spans.push({ kind, from: at, to: null, attempt, agent_id: holder, note: null })
  }
}

const kinds: Record<string, SpanKind> = {
  READY: 'waited',
  ASSIGNED: 'waited',
  RUNNING: 'ran',
  AWAITING_INPUT: 'asked',
  WAITING_CHILDREN: 'children',
}

function settle(span: Span, type: SessionEvent['type'], data: SessionEvent['data']) {
  if (type === 'task.lost') {
    span.kind = 'lost'
    span.note = `attempt ${span.attempt}: ${text(data.cause) || 'its agent was lost'}`
  }
  if (type !== 'task.failed') return
  span.kind = 'failed'
  span.note = [`attempt ${span.attempt}`, text(data.message) || text(data.code)].filter(Boolean).join(': ')
}

function text(value: unknown) {
  return typeof value === 'string' ? value : ''
}

function number(value: unknown) {
  return typeof value === 'number' ? value : 0
}
