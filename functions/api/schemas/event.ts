import * as z from 'zod'
import { eventTypes } from '#core/event/event'
import { answer } from '../document.ts'
import { time } from './parts.ts'

const Event = answer(
  'Event',
  z.object({
    seq: z.int(),
    session_id: z.string(),
    at: time,
    type: z.enum(eventTypes),
    task_id: z.string().optional(),
    agent_id: z.string().optional(),
    data: z.record(z.string(), z.unknown()),
  }),
)

export const EventPage = answer(
  'EventPage',
  z.object({ items: z.array(Event), next_after: z.int(), last_seq: z.int() }),
)

export const Verdict = answer(
  'Verdict',
  z.object({
    valid: z.boolean(),
    pages: z.int(),
    last_seq: z.int(),
    broken_at: z.int().nullable(),
    reason: z.string().nullable(),
  }),
)
