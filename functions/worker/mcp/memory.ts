import * as z from 'zod'
import { ApiError, type Client, type ContextPlace } from '../client.ts'
import { checkedTool, refusalText } from './checked.ts'
import type { Tool } from './tool.ts'

/** The shared context as one attempt reaches it: over the worker's own client and token. */
export type Memory = {
  client: Pick<Client, 'readContext' | 'listContext' | 'putContext'>
  session_id: string
  task_id: string
  attempt: number
  signal: AbortSignal
}

const scopes = {
  GLOBAL: 'all sessions',
  SESSION: 'the agents of this session',
  TASK: 'this task',
} as const
export const Scope = z.enum(['GLOBAL', 'SESSION', 'TASK'])

/** The scopes as the model is told of them. */
export const scopesText = Object.entries(scopes)
  .map(([scope, whose]) => `${scope} (${whose})`)
  .join(', ')

export function placeIn(
  { session_id, task_id, attempt }: Memory,
  scope: z.infer<typeof Scope>,
): ContextPlace {
  const ids = { GLOBAL: '-', SESSION: session_id, TASK: task_id }
  return { scope, id: ids[scope], task_id, attempt }
}

/** A tool on the shared context. */
export function memoryTool<S extends z.ZodType>(definition: {
  name: string
  description: string
  schema: S
  call: (args: z.output<S>) => Promise<unknown>
}): Tool {
  return checkedTool({ ...definition, problem: problemText })
}

/** What was refused and why; of a conflict also the values that met. */
function problemText(error: unknown) {
  const text = refusalText(error, 'The shared context')
  if (!(error instanceof ApiError) || error.code !== 'context_conflict') return text
  const { version, base, theirs, yours } = error.problem
  return `${text}\n${JSON.stringify({ version, base, theirs, yours })}`
}
