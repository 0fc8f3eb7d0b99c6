import * as z from 'zod'

/** The parts of OpenCode's messages that we read; everything else passes unseen. */
const tokens = z.object({
  input: z.number().default(0),
  output: z.number().default(0),
  reasoning: z.number().default(0),
  cache: z
    .object({ read: z.number().default(0), write: z.number().default(0) })
    .default({ read: 0, write: 0 }),
})

const ToolState = z.object({
  status: z.string(),
  input: z.record(z.string(), z.unknown()).default({}),
  output: z.string().optional(),
  title: z.string().optional(),
  error: z.string().optional(),
  metadata: z.object({ output: z.string().optional() }).optional(),
})
export type ToolState = z.infer<typeof ToolState>

export const Part = z.discriminatedUnion('type', [
  z.object({
    type: z.enum(['text', 'reasoning']),
    id: z.string(),
    messageID: z.string(),
    text: z.string(),
    synthetic: z.boolean().optional(),
    time: z.object({ start: z.number().optional(), end: z.number().optional() }).optional(),
  }),
  z.object({
    type: z.literal('tool'),
    id: z.string(),
    messageID: z.string(),
    tool: z.string(),
    callID: z.string(),
    state: ToolState,
  }),
  z.object({ type: z.literal('step-start'), id: z.string(), sessionID: z.string() }),
  z.object({ type: z.literal('step-finish'), id: z.string(), cost: z.number().default(0), tokens }),
])
export type Part = z.infer<typeof Part>

export const PartUpdated = z.object({ part: Part })
export const PartDelta = z.object({ partID: z.string(), field: z.string(), delta: z.string() })
export const MessageUpdated = z.object({ info: z.object({ id: z.string(), role: z.string() }) })
export const SessionCreated = z.object({
  info: z.object({ id: z.string(), title: z.string().default(''), parentID: z.string().optional() }),
})
export const Status = z.object({
  type: z.string(),
  attempt: z.number().optional(),
  message: z.string().optional(),
  next: z.number().optional(),
})
export const SessionStatus = z.object({ sessionID: z.string(), status: Status })
export const StatusMap = z.record(z.string(), Status)
export const OfSession = z.object({ sessionID: z.string().optional() })
export const SessionError = z.object({
  sessionID: z.string().optional(),
  error: z
    .object({
      name: z.string().default('Error'),
      data: z
        .looseObject({
          message: z.string().optional(),
          statusCode: z.number().optional(),
          isRetryable: z.boolean().optional(),
        })
        .optional(),
    })
    .optional(),
})

export const PermissionRequest = z.object({
  id: z.string(),
  permission: z.string(),
  patterns: z.array(z.string()).default([]),
  always: z.array(z.string()).default([]),
  metadata: z
    .object({ command: z.string().optional().catch(undefined), diff: z.string().optional().catch(undefined) })
    .catch({}),
})
export const QuestionRequest = z.object({
  id: z.string(),
  questions: z.array(
    z.object({
      question: z.string(),
      header: z.string().default(''),
      options: z.array(z.object({ label: z.string(), description: z.string().default('') })).default([]),
      multiple: z.boolean().default(false),
    }),
  ),
})

/** An event as the live stream sends it. */
export const LiveEvent = z.object({
  type: z.string(),
  properties: z.record(z.string(), z.unknown()).default({}),
})

/** An event as the history keeps it. */
export const KeptEvent = z.object({
  id: z.string(),
  aggregate_id: z.string(),
  seq: z.int(),
  type: z.string(),
  data: z.record(z.string(), z.unknown()),
})
export type KeptEvent = z.infer<typeof KeptEvent>
