import type { Decision } from '#core/approval/approval'
import type { AskedOf } from '#core/approval/ask'

/** The engine asks: may this be done, or which of these is meant? `id` is its own name of the ask. */
export type Request = AskedOf & { id: string }

/** Decides what the engine asks: at once by the session's policy, or when a person has answered. */
export type Decide = (request: Request) => Promise<Decision>

/** What the log says of a decision. */
export function noteOf(request: Request, { reply, message, answers }: Decision) {
  if (request.kind === 'QUESTION') {
    const said = request.asked.questions.map(
      ({ question }, i) => `${question} → ${answers[i]?.join(', ') ?? 'no answer'}`,
    )
    return `Answered: ${said.join('; ')}`
  }
  const what = [request.asked.tool, ...request.asked.patterns].join(' ')
  return reply === 'once' ? `Allowed once: ${what}` : `Not allowed: ${what}. ${message}`
}
