import * as z from 'zod'
import { drainAgent, removeAgent } from '#core/agent/control'
import { heartbeat } from '#core/agent/heartbeat'
import { ackInbox, readInbox } from '#core/agent/inbox'
import { listAgents, readAgent } from '#core/agent/read'
import { registerAgent } from '#core/agent/register'
import { agentStates } from '#core/agent/states'
import { Heartbeat, HeartbeatAnswer, Register } from '#core/agent/wire'
import { Capability } from '#core/plan/plan'
import { workerOf } from '../auth.ts'
import { decodeCursor, encodeCursor, listQuery } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { Agent, AgentList, Inbox, Registered } from '../schemas/agent.ts'

const base = '/api/v1/agents'
const one = `${base}/{id}`
const common = { ...nothing, tag: 'agents', params: { id: 'agent' } } as const

/** Agents: register, list, read, drain, remove; and for the agent itself heartbeat and inbox. */
export function agentRoutes(api: Api) {
  endpoint(api, {
    ...nothing,
    // A token is told once and kept nowhere: no answer of this is stored, and registering anew is safe.
    idempotent: false,
    name: 'register_agent',
    scope: 'agents:write',
    method: 'post',
    path: base,
    tag: 'agents',
    summary: 'Register an agent, or take over the one of that name; the token is told once',
    body: Register,
    status: 201,
    answer: Registered,
    headers: ({ agent }) => ({ location: `${base}/${agent.id}`, 'cache-control': 'no-store' }),
    audit: { resource: (_call, { agent }) => ({ kind: 'agent', id: agent.id }) },
    run: ({ services, actor, body }) => registerAgent(services, actor, body),
  })
  endpoint(api, {
    ...nothing,
    name: 'list_agents',
    scope: 'agents:read',
    method: 'get',
    path: base,
    tag: 'agents',
    summary: 'List agents by name',
    query: z.strictObject({
      state: z.enum(agentStates).optional(),
      capability: Capability.optional(),
      ...listQuery,
    }),
    answer: AgentList,
    async run({ services, actor, query: { state, capability, limit, cursor } }) {
      const after = decodeCursor('agents', cursor)
      const filter = { state: state ?? null, capability: capability ?? null, limit, after }
      const page = await listAgents(services, actor, filter)
      return { ...page, next_cursor: encodeCursor('agents', page.next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    agents: true,
    name: 'read_agent',
    scope: 'agents:read',
    method: 'get',
    path: one,
    summary: 'Read an agent',
    answer: Agent,
    run: ({ services, actor, param }) => readAgent(services, actor, param('id')),
  })
  endpoint(api, {
    ...common,
    agents: true,
    name: 'remove_agent',
    scope: 'agents:write',
    method: 'delete',
    path: one,
    summary: 'Forget an agent; what it holds goes elsewhere',
    status: 204,
    run: ({ services, actor, param }) => removeAgent(services, actor, param('id')),
  })
  endpoint(api, {
    ...common,
    agents: true,
    name: 'drain_agent',
    scope: 'agents:write',
    method: 'post',
    path: `${one}/drain`,
    summary: 'Let an agent finish what it has and give it nothing new',
    answer: Agent,
    run: ({ services, actor, param }) => drainAgent(services, actor, param('id')),
  })
  ownRoutes(api)
}

/** What only the agent itself may call. */
function ownRoutes(api: Api) {
  const own = { ...common, scope: 'worker', tag: 'workers' } as const
  endpoint(api, {
    ...own,
    name: 'heartbeat',
    method: 'post',
    path: `${one}/heartbeat`,
    summary: 'Give a sign of life and name what is held; the answer names what to drop',
    body: Heartbeat,
    answer: HeartbeatAnswer,
    run: ({ services, caller, body }) => heartbeat(services, workerOf(caller), body),
  })
  endpoint(api, {
    ...own,
    name: 'read_inbox',
    method: 'get',
    path: `${one}/inbox`,
    summary: 'Read offers, interrupts, answers and messages; waits up to `wait` seconds for the first',
    query: z.strictObject({ wait: z.coerce.number().min(0).max(20).default(0) }),
    answer: Inbox,
    run: async ({ services, caller, query, request }) => ({
      items: await readInbox(services, workerOf(caller), query.wait * 1_000, request.signal),
    }),
  })
  endpoint(api, {
    ...own,
    name: 'ack_inbox',
    method: 'post',
    path: `${one}/inbox/{item}/ack`,
    summary: 'Take an item off; repeated it does nothing',
    params: { id: 'agent', item: 'inbox' },
    status: 204,
    run: ({ services, caller, param }) => ackInbox(services, workerOf(caller), param('item')),
  })
}
