import * as z from 'zod'

export const modelId = 'rehearsal-1'

const Part = z.looseObject({ text: z.string().optional() })
const Content = z.union([z.string(), z.null(), z.array(Part)]).optional()

const Call = z.looseObject({
  id: z.string(),
  function: z.looseObject({ name: z.string(), arguments: z.string().default('') }),
})

export const Message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: Content,
  tool_calls: z.array(Call).nullish(),
  tool_call_id: z.string().nullish(),
})
export type Message = z.infer<typeof Message>

/** What of OpenAI's chat completion request is read; the rest may be there. */
export const ChatRequest = z.looseObject({
  model: z.string(),
  messages: z.array(Message).min(1).max(10_000),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }) })).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
})
export type ChatRequest = z.infer<typeof ChatRequest>

/** The text of a message, whatever form its content has. */
export const textOf = ({ content }: Message): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('\n')

/** The names of the tools that the request offers. */
export const toolNames = (request: ChatRequest): string[] =>
  (request.tools ?? []).map((tool) => tool.function.name)
