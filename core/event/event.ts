import type { LogData } from '#core/task/wire'

/** The types of events. A history is one gapless sequence of them per session. */
export const eventTypes = [
  'session.created',
  'session.queued',
  'session.running',
  'session.pausing',
  'session.paused',
  'session.stopping',
  'session.stopped',
  'session.completed',
  'session.failed',
  'session.retried',
  'session.forked',
  'session.updated',
  'plan.proposed',
  'plan.accepted',
  'plan.rejected',
  'task.created',
  'task.ready',
  'task.assigned',
  'task.running',
  'task.awaiting_input',
  'task.waiting_children',
  'task.completed',
  'task.failed',
  'task.cancelled',
  'task.lost',
  'task.released',
  'task.blocked',
  'checkpoint.created',
  'context.updated',
  'context.conflicted',
  'approval.requested',
  'approval.answered',
  'approval.expired',
  'message.sent',
  'usage.reported',
  'log',
] as const
export type EventType = (typeof eventTypes)[number]

/** An event before its page gives it a seq: event i of a page has `first_seq + i`. */
export type NewEvent = {
  at: string
  type: EventType
  task_id?: string
  agent_id?: string
  data: Record<string, unknown> | LogData
}

export type Event = NewEvent & { seq: number; session_id: string }

/** The text of a page: what is stored, and hashed, byte for byte. */
export function pageText(events: NewEvent[]) {
  return JSON.stringify(events)
}

/** A stored page as events with their seqs. */
export function readPage(session_id: string, first_seq: number, page: string): Event[] {
  const events: NewEvent[] = JSON.parse(page)
  return events.map((event, i) => ({ seq: first_seq + i, session_id, ...event }))
}
