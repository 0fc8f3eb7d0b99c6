import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Decision } from './decide.ts'
import type { Trouble } from './faults.ts'
import type { Usage } from './usage.ts'
import { modelId } from './wire.ts'

export type Answer = { id: string; decision: Decision; trouble: Trouble; usage: Usage; signal: AbortSignal }

const fewestLetters = 16
const mostPieces = 64

/** The answer whole, as one JSON object. */
export function completion({ id, decision, usage }: Answer) {
  const { reasoning, text = '', tools = [] } = decision.step
  const message = {
    role: 'assistant',
    content: text,
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
    ...(tools.length === 0 ? {} : { tool_calls: callsOf(decision) }),
  }
  const choices = [{ index: 0, message, finish_reason: finishOf(decision) }]
  return { ...head(id), object: 'chat.completion', choices, usage }
}

/** Streams the answer; ends by itself, or stays open (stall), or breaks off (drop), as `trouble` says. */
export async function stream(response: ServerResponse, answer: Answer): Promise<void> {
  const { id, decision, trouble, usage, signal } = answer
  const { step, knobs } = decision
  const between = step.chunk_delay_ms ?? knobs.chunk_delay_ms ?? 0
  const send = async (body: object) => {
    if (!response.write(`data: ${JSON.stringify(body)}\n\n`)) await once(response, 'drain', { signal })
  }
  const frame = (delta: object, finish_reason: string | null = null) =>
    send({ ...head(id), object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  await frame({ role: 'assistant', content: '' })
  let sent = 0
  for (const delta of deltasOf(decision)) {
    await frame(delta)
    sent += 1
    if (sent === 2 && (trouble.drop || trouble.stall)) break
    if (between > 0) await pause(between, undefined, { signal })
  }
  if (trouble.drop) return void response.destroy()
  if (trouble.stall) return void (await gone(signal))
  await frame({}, finishOf(decision))
  await send({ ...head(id), object: 'chat.completion.chunk', choices: [], usage })
  response.end('data: [DONE]\n\n')
}

/** Resolves when nobody waits for the answer any more. */
export const gone = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

function* deltasOf(decision: Decision): Generator<object> {
  const { reasoning = '', text = '' } = decision.step
  for (const piece of piecesOf(reasoning)) yield { reasoning_content: piece }
  for (const piece of piecesOf(text)) yield { content: piece }
  for (const [index, { id, type, function: call }] of callsOf(decision).entries()) {
    yield { tool_calls: [{ index, id, type, function: { name: call.name, arguments: '' } }] }
    for (const piece of piecesOf(call.arguments)) {
      yield { tool_calls: [{ index, function: { arguments: piece } }] }
    }
  }
}

const callsOf = ({ step, calls }: Decision) =>
  (step.tools ?? []).map(({ name, args }, i) => ({
    id: `${calls}${i}`,
    type: 'function',
    function: { name, arguments: JSON.stringify(args) },
  }))

const finishOf = ({ step }: Decision) => ((step.tools ?? []).length > 0 ? 'tool_calls' : 'stop')

const head = (id: string) => ({ id, created: Math.floor(Date.now() / 1_000), model: modelId })

function piecesOf(text: string): string[] {
  const size = Math.max(fewestLetters, Math.ceil(text.length / mostPieces))
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))
}
