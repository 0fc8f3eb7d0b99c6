import * as z from 'zod'

/** Postgres text holds every character but NUL. */
export const text = (max: number) =>
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

/** What is asked, of either kind. */
export type AskedOf =
  | { kind: 'PERMISSION'; asked: z.infer<typeof AskedPermission> }
  | { kind: 'QUESTION'; asked: z.infer<typeof AskedQuestion> }

/** What a person reads in one line; the whole of it is in the approval. */
export function askedSentence(ask: AskedOf) {
  if (ask.kind === 'QUESTION') return cut(ask.asked.questions.map(({ question }) => question).join(' '))
  const { tool, command, patterns } = ask.asked
  return `May it use ${tool}: ${cut(command ?? patterns.join(' '))}`
}

const cut = (value: string) => (value.length > 300 ? `${value.slice(0, 299)}…` : value)
