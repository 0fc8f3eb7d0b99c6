import { shortHash } from './hash.ts'
import { type Brief, type Prompt, readPrompt } from './prompt.ts'
import { readSummary } from './summary.ts'
import { type Message, textOf } from './wire.ts'

export type Call = { id: string; name: string; args: string; result: string | undefined }
export type Turn = { text: string; calls: Call[] }
export type Active = Exclude<Prompt, { kind: 'steering' | 'synthetic' }>

/** What the messages of one request say: nothing is remembered between requests. */
export type Conversation = {
  brief: Brief
  /** The prompt being worked on: the brief, or what the worker asked for after it. */
  active: Active
  /** What our tool call ids begin with while this prompt is worked on. */
  prefix: string
  /** Our answers since that prompt. */
  turns: Turn[]
  /** The step to begin at when the turns before were compacted away. */
  start: number
  /** What people said since it began, each with how often it was acknowledged before a compaction. */
  steering: { text: string; hash: string; afterTurn: number }[]
  /** The hashes of what was acknowledged already, once for each time. */
  heard: string[]
  /** The first prompt, word for word. */
  request: string
}

/** Reads a conversation from its first prompt, or from our own summary of it, to its end. */
export function readConversation(messages: readonly Message[]): Conversation {
  const results = new Map(
    messages.flatMap((message) =>
      message.role === 'tool' ? [[message.tool_call_id ?? '', textOf(message)] as const] : [],
    ),
  )
  let found: Conversation | undefined
  for (const [at, message] of messages.entries()) {
    const text = textOf(message)
    if (message.role === 'user') found = heardFrom(found, text, at)
    if (message.role !== 'assistant') continue
    const summary = readSummary(text)
    if (summary) {
      found = { ...begun(summary.request, at), start: summary.position, heard: summary.heard }
      continue
    }
    const calls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: args } }) => ({
      id,
      name,
      args,
      result: results.get(id),
    }))
    found?.turns.push({ text, calls })
    for (const { id } of calls) {
      const hash = /_m([0-9a-f]{8})_/.exec(id)?.[1]
      if (hash !== undefined) found?.heard.push(hash)
    }
  }
  return found ?? begun('', 0)
}

function begun(request: string, at: number): Conversation {
  const prompt = readPrompt(request, true)
  const conflict = prompt.kind === 'conflict' ? prompt : undefined
  const brief = conflict
    ? { ...conflict.brief, key: conflict.key }
    : prompt.kind === 'brief'
      ? prompt
      : emptyBrief
  return {
    brief,
    active: conflict ?? brief,
    prefix: prefixOf(request, at),
    turns: [],
    start: 0,
    steering: brief.messages.map((text) => ({ text, hash: shortHash(text), afterTurn: 0 })),
    heard: [],
    request,
  }
}

function heardFrom(found: Conversation | undefined, text: string, at: number): Conversation | undefined {
  const prompt = readPrompt(text, found === undefined)
  if (prompt.kind === 'synthetic') return found
  if (found === undefined) return begun(text, at)
  if (prompt.kind === 'steering') {
    found.steering.push({ text: prompt.text, hash: shortHash(prompt.text), afterTurn: found.turns.length })
    return found
  }
  // A brief that comes again goes on from where it stood; another prompt of the worker has a script of its own.
  if (prompt.kind === 'brief' && text === found.request) return found
  if (prompt.kind === 'brief') return { ...begun(text, at), heard: found.heard }
  const past = found.steering.map((said) => ({ ...said, afterTurn: -1 }))
  return { ...found, active: prompt, prefix: prefixOf(text, at), turns: [], start: 0, steering: past }
}

const prefixOf = (text: string, at: number) => `call_${shortHash(`${at} ${text}`)}`

const nothing = { markers: [], errors: [], rest: '' }
const emptyBrief: Brief = {
  kind: 'brief',
  key: 'task',
  title: 'a task',
  goal: { title: 'the goal', markers: nothing },
  own: nothing,
  limit: undefined,
  failed: false,
  messages: [],
}
