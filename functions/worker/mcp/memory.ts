import * as z from 'zod'
import { ApiError, type Client, type ContextPlace } from '../client.ts'
import { reasonOf } from '../log.ts'
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

/** A tool with checked arguments, whose errors are the model's to read and correct. */
export function memoryTool<S extends z.ZodType>(definition: {
  name: string
  description: string
  schema: S
  call: (args: z.output<S>) => Promise<unknown>
}): Tool {
  const { name, description, schema, call } = definition
  const { $schema: _, ...input_schema } = z.toJSONSchema(schema, { io: 'input' })
  return {
    name,
    description,
    input_schema: { ...input_schema, type: 'object' },
    async call(args) {
      const parsed = schema.safeParse(args)
      if (!parsed.success) return { text: z.prettifyError(parsed.error), error: true }
      try {
        return { text: JSON.stringify(await call(parsed.data)) }
      } catch (error) {
        return { text: problemText(error), error: true }
      }
    },
  }
}

/** What was refused and why; of a conflict also the values that met. */
function problemText(error: unknown) {
  if (!(error instanceof ApiError)) return `The shared context cannot be reached now: ${reasonOf(error)}`
  const { version, base, theirs, yours } = error.problem
  const faults = JSON.stringify(error.problem.errors ?? [])
  const conflict = error.code === 'context_conflict' ? JSON.stringify({ version, base, theirs, yours }) : ''
  return [`${error.code}: ${error.message}`, faults === '[]' ? '' : faults, conflict]
    .filter(Boolean)
    .join('\n')
}
