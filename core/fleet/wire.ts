import * as z from 'zod'
import { agentStates } from '#core/agent/states'
import { sessionStates } from '#core/session/states'
import { taskStates } from '#core/task/states'
import { Usage } from '#core/usage/usage'

/** How the fleet of a tenant stands, as the API answers it. */
export const Stats = z.object({
  sessions: z.record(z.enum(sessionStates), z.int()),
  tasks: z.record(z.enum(taskStates), z.int()),
  agents: z.record(z.enum(agentStates), z.int()),
  /** Of the agents that are not OFFLINE. */
  slots: z.object({ capacity: z.int(), active: z.int() }),
  usage: Usage,
  attempts: z.object({ finished: z.int(), succeeded: z.int() }),
  /** Succeeded over finished attempts; null when there is none. */
  success_rate: z.number().nullable(),
})
export type Stats = z.infer<typeof Stats>
