import * as z from 'zod'
import { ApiError } from '../client.ts'
import { reasonOf } from '../log.ts'
import type { Tool } from './tool.ts'

type Definition<S extends z.ZodType> = {
  name: string
  description: string
  schema: S
  call: (args: z.output<S>) => Promise<unknown>
  /** What is told of a call that failed. */
  problem: (error: unknown) => string
}

/** A tool with checked arguments, whose errors are the model's to read and correct. Its answer goes back as JSON. */
export function checkedTool<S extends z.ZodType>(definition: Definition<S>): Tool {
  const { name, description, schema, call, problem } = definition
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
        return { text: problem(error), error: true }
      }
    },
  }
}

/** What was refused, and every field at fault; or that nobody answered. */
export function refusalText(error: unknown, what: string) {
  if (!(error instanceof ApiError)) return `${what} cannot be reached now: ${reasonOf(error)}`
  const faults = JSON.stringify(error.problem.errors ?? [])
  return [`${error.code}: ${error.message}`, faults === '[]' ? '' : faults].filter(Boolean).join('\n')
}
