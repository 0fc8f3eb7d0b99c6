import type { Step } from './step.ts'
import type { ChatRequest, Message } from './wire.ts'

/** About four letters are a token. */
const tokens = (text: string) => Math.ceil(text.length / 4)

/** Usage as OpenAI reports it, from the lengths of what came and goes; what a step says of it wins. */
export function usageOf({ messages, tools }: ChatRequest, step: Step) {
  const all = tokens(JSON.stringify(messages)) + tokens(JSON.stringify(tools ?? []))
  const reasoning = step.usage?.reasoning_tokens ?? tokens(step.reasoning ?? '')
  const said = tokens(step.text ?? '') + tokens(step.tools ? JSON.stringify(step.tools) : '')
  const prompt_tokens = step.usage?.prompt_tokens ?? all
  const completion_tokens = step.usage?.completion_tokens ?? said + reasoning
  const cached = step.usage?.cached_tokens ?? all - tokens(JSON.stringify(fresh(messages)))
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: isFirst(messages) ? (step.usage?.cached_tokens ?? 0) : cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  }
}
export type Usage = ReturnType<typeof usageOf>

const isFirst = (messages: readonly Message[]) => !messages.some(({ role }) => role === 'assistant')

/** What the last request did not hold yet: our last answer and all after it. */
const fresh = (messages: readonly Message[]) =>
  messages.slice(messages.findLastIndex(({ role }) => role === 'assistant'))
