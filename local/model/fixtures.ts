import { createParser } from 'eventsource-parser'
import * as z from 'zod'
import type { Message } from './wire.ts'

/** The tools that OpenCode 1.18 offers to a coding agent. */
export const codingTools = ['bash', 'edit', 'glob', 'grep', 'question', 'read', 'task', 'todowrite', 'write']
export const planTools = [...codingTools, 'orchestrator_plan_submit']

/** A task's first prompt in the form our worker writes it. */
export const taskPrompt = (given: { key?: string; goal?: string; instruction?: string } = {}): string =>
  [
    'You work on one task (CODE_GENERATION) of a coding session, alone.',
    `# Task: Carry it out\nkey: ${given.key ?? 'change'}\n\n${given.instruction ?? 'Do the change.'}`,
    `# The session it is part of\n${given.goal ?? 'Add a greeting\n\nSay hello somewhere.'}`,
    '# Rules\nDo this task only.',
  ].join('\n\n')

export const planPrompt = (goal: string): string =>
  `You are the architect of a coding session.\n\n# Goal\n${goal}\n\n# What to do\nLook at the repository.`

export const marker = (content: object): string => `<<rehearsal ${JSON.stringify(content)} >>`

const Delta = z.object({
  content: z.string().optional(),
  reasoning_content: z.string().optional(),
  tool_calls: z
    .array(
      z.object({
        index: z.int(),
        id: z.string().optional(),
        function: z.object({ name: z.string().optional(), arguments: z.string() }),
      }),
    )
    .optional(),
})
const Chunk = z.object({
  choices: z.array(z.object({ delta: Delta, finish_reason: z.string().nullable() })),
  usage: z
    .object({
      prompt_tokens: z.int(),
      completion_tokens: z.int(),
      total_tokens: z.int(),
      prompt_tokens_details: z.object({ cached_tokens: z.int() }),
      completion_tokens_details: z.object({ reasoning_tokens: z.int() }),
    })
    .optional(),
})

export type Said = {
  text: string
  reasoning: string
  calls: { id: string; name: string; args: Record<string, unknown> }[]
  finish: string | null
  usage: z.infer<typeof Chunk>['usage']
  chunks: number
}

export type Chat = { messages: Message[]; tools?: string[]; conversation?: string; signal?: AbortSignal }

export const post = (url: string, { messages, tools = codingTools, conversation, signal }: Chat) =>
  fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(conversation === undefined ? {} : { 'x-session-id': conversation }),
    },
    body: JSON.stringify({
      model: 'rehearsal-1',
      stream: true,
      stream_options: { include_usage: true },
      messages,
      tools: tools.map((name) => ({ type: 'function', function: { name, parameters: {} } })),
    }),
    signal: signal ?? AbortSignal.timeout(10_000),
  })

/** Asks and reads the stream to its end, as a client of OpenAI does. */
export async function ask(url: string, chat: Chat): Promise<Said> {
  const response = await post(url, chat)
  if (!response.ok || !response.body) throw new Error(`${response.status}`)
  const said: Said = { text: '', reasoning: '', calls: [], finish: null, usage: undefined, chunks: 0 }
  const args: string[] = []
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') return
      const { choices, usage } = Chunk.parse(JSON.parse(data))
      said.chunks += 1
      if (usage) said.usage = usage
      for (const { delta, finish_reason } of choices) {
        said.text += delta.content ?? ''
        said.reasoning += delta.reasoning_content ?? ''
        if (finish_reason !== null) said.finish = finish_reason
        for (const call of delta.tool_calls ?? []) {
          if (call.id !== undefined) {
            said.calls[call.index] = { id: call.id, name: call.function.name ?? '', args: {} }
          }
          args[call.index] = (args[call.index] ?? '') + call.function.arguments
        }
      }
    },
  })
  const decoder = new TextDecoder()
  for await (const chunk of response.body) parser.feed(decoder.decode(chunk, { stream: true }))
  for (const [i, call] of said.calls.entries()) {
    call.args = z.record(z.string(), z.unknown()).parse(JSON.parse(args[i] ?? '{}'))
  }
  return said
}

export const user = (content: string): Message => ({ role: 'user', content })

/** What OpenCode would send back: our answer as an assistant message, and the results of its tools. */
export function replied(said: Said, result: (name: string, at: number) => string = () => 'ok'): Message[] {
  const assistant: Message = { role: 'assistant', content: said.text }
  if (said.calls.length === 0) return [assistant]
  const calls = said.calls.map(({ id, name, args }) => ({
    id,
    type: 'function',
    function: { name, arguments: JSON.stringify(args) },
  }))
  return [
    { ...assistant, tool_calls: calls },
    ...said.calls.map(
      ({ id, name }, at): Message => ({ role: 'tool', tool_call_id: id, content: result(name, at) }),
    ),
  ]
}

/** Plays a conversation until the model ends its turn, and answers what it said. */
export async function play(
  url: string,
  chat: Chat,
  result?: (name: string, at: number) => string,
): Promise<{ said: Said[]; messages: Message[] }> {
  const said: Said[] = []
  let { messages } = chat
  for (let n = 0; n < 30; n += 1) {
    const one = await ask(url, { ...chat, messages })
    said.push(one)
    messages = [...messages, ...replied(one, result)]
    if (one.calls.length === 0) return { said, messages }
  }
  throw new Error('the turn does not end')
}
