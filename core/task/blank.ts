import { nothingReserved } from '#core/usage/budget'
import { noUsage } from '#core/usage/usage'
import type { Task } from './task.ts'

/** What a task has that nobody was assigned yet. */
export const unassigned = {
  waiting: null,
  attempt: 0,
  failures: 0,
  losses: 0,
  agent_id: null,
  agent_incarnation: null,
  failed_agent_id: null,
  not_before: null,
  deadline: null,
  last_batch: 0,
  work: null,
  usage: noUsage,
  reserved: nothingReserved,
  result: null,
  error: null,
  ready_at: null,
  started_at: null,
  ended_at: null,
} as const satisfies Partial<Task>
