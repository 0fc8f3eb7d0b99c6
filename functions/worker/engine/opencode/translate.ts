import type { LogData } from '#core/task/wire'
import { addUsage, noUsage, type Usage } from '#core/usage/usage'
import type { EngineEvent } from '../engine.ts'
import {
  MessageUpdated,
  type Part,
  PartDelta,
  PartUpdated,
  SessionCreated,
  SessionStatus,
  type ToolState,
} from './wire.ts'

type TextState = { stream: 'text' | 'thought'; sent: number; done: boolean; broken: boolean }
type ToolSeen = { started: boolean; finished: boolean; streamed: string; live: boolean }
type TextPart = Extract<Part, { type: 'text' | 'reasoning' }>
type ToolPart = Extract<Part, { type: 'tool' }>

/**
 * Turns OpenCode's events into ours. Live events and the history overlap and repeat; each part is said
 * once, whichever of the two tells it first. One server serves one attempt, so every session counts:
 * subagents are children of ours.
 */
export class Translator {
  readonly #texts = new Map<string, TextState>()
  readonly #tools = new Map<string, ToolSeen>()
  readonly #steps = new Set<string>()
  readonly #users = new Set<string>()
  readonly #children = new Set<string>()
  #usage: Usage = noUsage

  get usage() {
    return this.#usage
  }

  /** Takes note of what another attempt has already said and counted. */
  skip(type: string, data: unknown) {
    this.take(type, data)
    this.#usage = noUsage
  }

  /** Live deltas may have been missed: texts under way are completed from their final form. */
  broken() {
    for (const text of this.#texts.values()) if (!text.done) text.broken = true
  }

  take(type: string, data: unknown): EngineEvent[] {
    switch (type.replace(/\.\d+$/, '')) {
      case 'message.updated':
        return this.#message(data)
      case 'message.part.updated':
        return this.#part(data)
      case 'message.part.delta':
        return this.#delta(data)
      case 'session.created':
        return this.#created(data)
      case 'session.status':
        return retrying(data)
      case 'session.compacted':
        return [system('The conversation was compacted to fit the model’s context.')]
      default:
        return []
    }
  }

  #message(data: unknown): EngineEvent[] {
    const { data: found } = MessageUpdated.safeParse(data)
    if (found?.info.role === 'user') this.#users.add(found.info.id)
    return []
  }

  #created(data: unknown): EngineEvent[] {
    const info = SessionCreated.safeParse(data).data?.info
    if (!info?.parentID || this.#children.has(info.id)) return []
    this.#children.add(info.id)
    return [system(`A subagent started: ${info.title}`)]
  }

  #part(data: unknown): EngineEvent[] {
    const part = PartUpdated.safeParse(data).data?.part
    if (!part) return []
    if (part.type === 'tool') return this.#tool(part)
    if (part.type === 'step-start') return []
    if (part.type !== 'step-finish') return this.#text(part)
    if (this.#steps.has(part.id)) return []
    this.#steps.add(part.id)
    const usage: Usage = {
      input_tokens: count(part.tokens.input),
      output_tokens: count(part.tokens.output),
      reasoning_tokens: count(part.tokens.reasoning),
      cache_read_tokens: count(part.tokens.cache.read),
      cache_write_tokens: count(part.tokens.cache.write),
      cost_usd: Math.max(0, part.cost),
    }
    this.#usage = addUsage(this.#usage, usage)
    return [{ type: 'usage', usage }]
  }

  #text(part: TextPart): EngineEvent[] {
    if (this.#users.has(part.messageID)) return []
    const stream = part.type === 'reasoning' ? 'thought' : 'text'
    const state = this.#texts.get(part.id) ?? { stream, sent: 0, done: false, broken: false }
    this.#texts.set(part.id, state)
    if (state.done || part.time?.end === undefined) return []
    state.done = true
    const rest = part.text.slice(state.sent)
    if (state.sent === 0) return rest === '' ? [] : [log({ stream, text: rest })]
    return [log({ stream, text: rest, call: part.id, part: 1 })]
  }

  #delta(data: unknown): EngineEvent[] {
    const { data: found } = PartDelta.safeParse(data)
    const state = found && this.#texts.get(found.partID)
    if (!state || state.done || state.broken || found.field !== 'text' || found.delta === '') return []
    const part = state.sent === 0 ? 0 : 1
    state.sent += found.delta.length
    return [log({ stream: state.stream, text: found.delta, call: found.partID, part, more: true })]
  }

  #tool(part: ToolPart): EngineEvent[] {
    const { tool, callID: call, state } = part
    const fresh = { started: false, finished: false, streamed: '', live: true }
    const seen = this.#tools.get(part.id) ?? fresh
    this.#tools.set(part.id, seen)
    if (seen.finished || state.status === 'pending') return []
    const events: EngineEvent[] = []
    if (!seen.started) {
      seen.started = true
      events.push(log({ stream: 'tool', text: inputOf(state.input), tool, status: 'running', call }))
    }
    const end = state.status === 'completed' || state.status === 'error'
    const output = end ? state.output : state.metadata?.output
    events.push(...outputOf(seen, { tool, call, output, end }))
    if (!end) return events
    seen.finished = true
    const said = seen.live && seen.streamed !== ''
    const status = state.status === 'error' ? 'error' : 'completed'
    events.push(log({ stream: 'tool', text: said ? titleOf(state) : resultOf(state), tool, status, call }))
    events.push({ type: 'tool_finished' })
    seen.streamed = said ? 'said' : ''
    return events
  }
}

/** What a running command printed since the last look. When it is no longer a continuation, it waits for the end. */
function outputOf(
  seen: ToolSeen,
  { tool, call, output, end }: { tool: string; call: string; output: string | undefined; end: boolean },
): EngineEvent[] {
  if (output === undefined || !seen.live) return []
  if (!output.startsWith(seen.streamed)) {
    seen.live = false
    return []
  }
  if (end && seen.streamed === '') return []
  const text = output.slice(seen.streamed.length)
  if (text === '' && !end) return []
  const part = seen.streamed === '' ? 0 : 1
  seen.streamed = output
  return [log({ stream: 'stdout', text, tool, call, part, ...(end ? {} : { more: true }) })]
}

function log(data: LogData): EngineEvent {
  return { type: 'log', data }
}

function system(text: string): EngineEvent {
  return log({ stream: 'system', text })
}

function retrying(data: unknown): EngineEvent[] {
  const status = SessionStatus.safeParse(data).data?.status
  if (status?.type !== 'retry') return []
  const tries = status.attempt === undefined ? '' : ` (try ${status.attempt})`
  return [system(`The model did not answer, trying again${tries}: ${status.message ?? 'no reason given'}`)]
}

const telling = ['command', 'filePath', 'pattern', 'path', 'url', 'description', 'query']

/** A tool's input in one line where one of its members tells it, else whole. */
function inputOf(input: Record<string, unknown>) {
  for (const name of telling) {
    const value = input[name]
    if (typeof value === 'string' && value !== '') return value
  }
  return JSON.stringify(input)
}

/** What a tool calls its result, unless that only repeats what it was asked. */
function titleOf(state: ToolState) {
  const title = state.title ?? ''
  return title === inputOf(state.input) ? '' : title
}

function resultOf(state: ToolState) {
  return state.error ?? state.output ?? state.title ?? ''
}

function count(n: number) {
  return Number.isFinite(n) ? Math.max(0, Math.round(n)) : 0
}
