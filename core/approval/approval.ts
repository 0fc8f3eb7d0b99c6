import * as z from 'zod'
import { Attempt } from '#core/task/attempt'
import type { ApprovalDefault } from './policy.ts'
import type { ApprovalState } from './states.ts'

/** Postgres text holds every character but NUL. */
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes('\0'), 'must not contain the NUL character')

export const approvalKinds = ['PERMISSION', 'QUESTION'] as const

/** May this be done? `always` is how far the engine itself would allow it for good. */
export const AskedPermission = z.strictObject({
  tool: text(200).min(1),
  patterns: z.array(text(8_000)).max(100).default([]),
  always: z.array(text(8_000)).max(100).default([]),
  command: text(20_000).nullable().default(null),
  diff: text(100_000).nullable().default(null),
})

/** Which of these is meant? A free answer is possible where options are given, too. */
export const AskedQuestion = z.strictObject({
  questions: z
    .array(
      z.strictObject({
        question: text(4_000).min(1),
        header: text(200).default(''),
        options: z
          .array(z.strictObject({ label: text(1_000).min(1), description: text(4_000).default('') }))
          .max(50)
          .default([]),
        multiple: z.boolean().default(false),
      }),
    )
    .min(1)
    .max(20),
})

const common = { attempt: Attempt, engine_ref: text(200).min(1) }

/** What a worker sends when its engine asks. `engine_ref` is the engine's own name of the ask. */
export const NewApproval = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('PERMISSION'), asked: AskedPermission }),
  z.strictObject({ ...common, kind: z.literal('QUESTION'), asked: AskedQuestion }),
])
export type NewApproval = z.infer<typeof NewApproval>

/** What is asked, of either kind. */
export type AskedOf =
  | { kind: 'PERMISSION'; asked: z.infer<typeof AskedPermission> }
  | { kind: 'QUESTION'; asked: z.infer<typeof AskedQuestion> }

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

/** What a person reads in one line; the whole of it is in the approval. */
export function askedSentence(ask: AskedOf) {
  if (ask.kind === 'QUESTION') return cut(ask.asked.questions.map(({ question }) => question).join(' '))
  const { tool, command, patterns } = ask.asked
  return `May it use ${tool}: ${cut(command ?? patterns.join(' '))}`
}

const cut = (value: string) => (value.length > 300 ? `${value.slice(0, 299)}…` : value)
