import * as z from 'zod'
import { agentStates } from '#core/agent/states'
import { Engine, Heartbeat, HeartbeatAnswer, InboxItem, Register } from '#core/agent/wire'
import { answer, body } from '../document.ts'
import { cursor, time } from './parts.ts'

body('Register', Register)
body('Heartbeat', Heartbeat)

export const Agent = answer(
  'Agent',
  z.object({
    id: z.string(),
    name: z.string(),
    engine: z.object(Engine.shape),
    capabilities: z.array(z.string()),
    capacity: z.int(),
    labels: z.array(z.string()),
    state: z.enum(agentStates),
    active: z.int(),
    finished: z.int(),
    succeeded: z.int(),
    repositories: z.array(z.string()),
    registered_at: time,
    last_heartbeat_at: time,
    tier: z.enum(['ELITE', 'STANDARD', 'PROBATION']),
    load: z.number(),
    success_rate: z.number().nullable(),
    success_rates: z.record(z.string(), z.number()),
  }),
)

export const AgentList = answer('AgentList', z.object({ items: z.array(Agent), next_cursor: cursor }))
export const Registered = answer('Registered', z.object({ agent: Agent, token: z.string() }))
answer('HeartbeatAnswer', HeartbeatAnswer)
export const Inbox = answer('Inbox', z.object({ items: z.array(InboxItem) }))
