import * as z from 'zod'

const ms = z.int().min(0).max(600_000)
const count = z.int().min(0).max(10_000_000)

export const ToolCall = z.strictObject({
  name: z.string().min(1).max(200),
  args: z.record(z.string(), z.json()).default({}),
})
export type ToolCall = z.infer<typeof ToolCall>

/** What one answer of the model holds. Without tools the turn of the agent ends with it. */
export const Step = z.strictObject({
  reasoning: z.string().optional(),
  text: z.string().optional(),
  tools: z.array(ToolCall).max(50).optional(),
  delay_ms: ms.optional(),
  chunk_delay_ms: ms.optional(),
  usage: z
    .strictObject({
      prompt_tokens: count,
      completion_tokens: count,
      cached_tokens: count,
      reasoning_tokens: count,
    })
    .partial()
    .optional(),
})
export type Step = z.infer<typeof Step>

const per = z.enum(['conversation', 'task']).default('conversation')

/** A fault: at which step of the script (every one when not said) and how often (for ever when not said). */
const Fault = z.strictObject({ at: count.optional(), times: count.optional(), per })
const Faulty = z.union([z.boolean(), Fault]).transform((value) => {
  if (value === false) return undefined
  return value === true ? Fault.parse({}) : value
})

const Question = z.strictObject({
  question: z.string().min(1),
  header: z.string().max(30).default('Question'),
  options: z
    .array(z.union([z.string(), z.strictObject({ label: z.string(), description: z.string().default('') })]))
    .min(1)
    .max(20)
    .default(['Yes', 'No']),
  multiple: z.boolean().optional(),
})

const knobs = {
  /** The exact script of a task. */
  steps: z.array(Step).min(1).max(1_000),
  /** The exact plan to submit, valid or not. */
  plan: z.record(z.string(), z.json()),
  /** A plan that was refused is not corrected: the Architect gives up. */
  keep_plan: z.boolean(),
  /** Before each answer. */
  slow_ms: ms,
  /** After each piece of an answer. */
  chunk_delay_ms: ms,
  /** The answer begins and never ends. */
  stall: Faulty,
  /** The connection is broken off in the middle of the answer. */
  drop: Faulty,
  /** The first requests fail with this status. */
  error: z.strictObject({
    status: z.int().min(400).max(599).default(500),
    times: count.default(1),
    at: count.optional(),
    per,
  }),
  /** A command prints so many lines, after as many of text (5,000 at most). */
  flood: z.int().min(1).max(1_000_000),
  /** Says that it cannot, and uses no tool. */
  refuse: z.boolean(),
  /** Asks a person with OpenCode's question tool, before it writes. */
  ask: Question,
}

/** What a test may ask of one conversation. */
export const Knobs = z.strictObject(knobs).partial()
export type Knobs = z.infer<typeof Knobs>

/** The content of a marker: knobs for all, and by the key of a task. */
export const Marker = z.strictObject({ ...knobs, tasks: z.record(z.string(), Knobs) }).partial()
export type Marker = z.infer<typeof Marker>
