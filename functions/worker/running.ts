import type { Assignment } from '#core/task/wire'
import type { Client } from './client.ts'
import type { WorkerConfig } from './config.ts'
import type { Log } from './log.ts'
import type { Outbox } from './outbox.ts'

/** What the parts of an attempt share. */
export type Running = {
  client: Client
  config: WorkerConfig
  log: Log
  assignment: Assignment
  task_id: string
  attempt: number
  /** The folder of what this attempt alone writes. */
  state: string
  outbox: Outbox
  /** Ends the work; what there is may still be kept and handed back. */
  stop: AbortSignal
  /** Ends everything: the task is no longer ours, and nobody is told anything. */
  gone: AbortSignal
}
