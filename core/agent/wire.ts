import * as z from 'zod'
import { idOf } from '#core/id'
import { Capability } from '#core/plan/plan'
import { Attempt } from '#core/task/attempt'
import { agentStates } from './states.ts'

export const label = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9._:/=-]{0,62}$/, 'must be a word of at most 63 characters')

const required = 'agent:'

/** The label that a session's label asks of its agents, or null when it is only to find the session by. */
export function requiredLabel(text: string) {
  return text.startsWith(required) ? text.slice(required.length) : null
}

/** What runs the tasks. `rehearsal` is true when the model is a script: it is said wherever it shows. */
export const Engine = z.strictObject({
  name: z.string().min(1).max(100),
  version: z.string().max(100),
  model: z.string().max(200),
  rehearsal: z.boolean(),
})
export type Engine = z.infer<typeof Engine>

export const Register = z.strictObject({
  name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/, 'must be letters, digits, dots and dashes, at most 63'),
  engine: Engine,
  capabilities: z.array(Capability).min(1).max(50),
  capacity: z.int().min(1).max(64),
  labels: z.array(label).max(50).default([]),
})
export type Register = z.infer<typeof Register>

export const Held = z.strictObject({ task_id: idOf('task'), attempt: Attempt })
export type Held = z.infer<typeof Held>

export const Heartbeat = z.strictObject({
  holding: z.array(Held).max(64),
  repositories: z.array(z.string().max(2_000)).max(50).default([]),
})
export type Heartbeat = z.infer<typeof Heartbeat>

export const HeartbeatAnswer = z.object({
  state: z.enum(agentStates),
  drop: z.array(Held.extend({ reason: z.string() })),
})

export const inboxKinds = ['OFFER', 'INTERRUPT', 'ANSWER', 'MESSAGE'] as const

export const InboxItem = z.object({
  id: idOf('inbox'),
  kind: z.enum(inboxKinds),
  task_id: idOf('task').nullable(),
  attempt: z.int().nullable(),
  data: z.record(z.string(), z.json()),
  created_at: z.string(),
})
export type InboxItem = z.infer<typeof InboxItem>
