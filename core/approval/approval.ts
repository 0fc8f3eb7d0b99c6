import * as z from 'zod'
import { Attempt } from '#core/task/attempt'
import { type AskedOf, AskedPermission, AskedQuestion, text } from './ask.ts'
import type { ApprovalDefault } from './policy.ts'
import type { ApprovalState } from './states.ts'

const common = { attempt: Attempt, engine_ref: text(200).min(1) }

/** What a worker sends when its engine asks. `engine_ref` is the engine's own name of the ask. */
export const NewApproval = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('PERMISSION'), asked: AskedPermission }),
  z.strictObject({ ...common, kind: z.literal('QUESTION'), asked: AskedQuestion }),
])
export type NewApproval = z.infer<typeof NewApproval>

export const answerKinds = ['allow_once', 'allow_always', 'deny', 'reply'] as const

/** A person's answer. `answers` holds the labels chosen, one list for each question. */
export const Answer = z.strictObject({
  answer: z.enum(answerKinds),
  text: text(20_000).min(1).optional(),
  answers: z
    .array(z.array(text(4_000).min(1)).max(50))
    .max(20)
    .optional(),
})
export type Answer = z.infer<typeof Answer>

/** What the engine is told: go on once, no and why, or the answers to its questions. */
export const Decision = z.object({
  reply: z.enum(['once', 'reject', 'answer']),
  message: z.string(),
  answers: z.array(z.array(z.string())),
})
export type Decision = z.infer<typeof Decision>

/** What a worker is answered: a decision, or none yet, and then the approval that it waits for. */
export const ApprovalAnswer = z.object({
  approval_id: z.string().nullable(),
  state: z.enum(['DECIDED', 'OPEN']),
  deadline: z.string().nullable(),
  decision: Decision.nullable(),
})
export type ApprovalAnswer = z.infer<typeof ApprovalAnswer>

/** An approval as it is stored and, but for its tenant, as it is answered. */
export type Approval = AskedOf & {
  tenant_id: string
  id: string
  session_id: string
  task_id: string
  attempt: number
  agent_id: string
  engine_ref: string
  state: ApprovalState
  deadline: string
  /** What it takes when nobody answers before the deadline. */
  default: ApprovalDefault
  answer: Answer | null
  answered_by: 'operator' | 'timeout' | null
  created_at: string
  closed_at: string | null
}
