import * as z from 'zod'
import { isId } from '#core/id'
import { readLiveMessage } from '#core/live/channel'
import { WakeMessage } from '#core/wake/wake'

export const letterQueues = ['steps', 'broadcast'] as const
export type LetterQueue = (typeof letterQueues)[number]

export const reasons = ['malformed', 'unanswered'] as const

/** A message that was given up: received as often as its queue allows, and never dealt with. */
export const DeadLetter = z.object({
  /** The message's own id. */
  id: z.string(),
  queue: z.enum(letterQueues),
  /** `malformed`: it is no message of that queue. `unanswered`: each try failed; the function's log says why. */
  reason: z.enum(reasons),
  /** How often it was received, with the looks at it since. */
  receives: z.int(),
  sent_at: z.string().meta({ format: 'date-time' }),
  body: z.string(),
})
export type DeadLetter = z.infer<typeof DeadLetter>

/** What a queue tells of a message. */
export type Letter = Omit<DeadLetter, 'reason'>

export type DeadLetters = {
  /** The messages that the queues show now; a queue tells of no more than it is asked for. @throws when one is away */
  look(): Promise<Letter[]>
  /** Sends one to where it came from and takes it off. False: it was not found. */
  redrive(letter: Pick<Letter, 'id' | 'queue'>): Promise<boolean>
}

/** Whose it is; null for what names no tenant, which nobody is shown. */
export function tenantOf({ body }: Pick<Letter, 'body'>) {
  const given = z.looseObject({ tenant_id: z.string() }).safeParse(parse(body))
  return given.success && isId('tenant', given.data.tenant_id) ? given.data.tenant_id : null
}

export function reasonOf({ queue, body }: Pick<Letter, 'queue' | 'body'>): DeadLetter['reason'] {
  const isRight = queue === 'steps' ? WakeMessage.safeParse(parse(body)).success : readLiveMessage(body)
  return isRight ? 'unanswered' : 'malformed'
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
