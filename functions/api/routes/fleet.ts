import * as z from 'zod'
import { readCapabilities } from '#core/fleet/capabilities'
import { History, readHistory } from '#core/fleet/history'
import { listNeeds } from '#core/fleet/needs'
import { readQueues } from '#core/fleet/queues'
import { readStats } from '#core/fleet/stats'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { CapabilityList, FleetStats, NeedList } from '../schemas/fleet.ts'

const common = { ...nothing, method: 'get', tag: 'fleet' } as const

/** How the fleet stands, what it did, what it is short of, and what it needs people for. */
export function fleetRoutes(api: Api) {
  endpoint(api, {
    ...common,
    name: 'read_stats',
    scope: 'sessions:read',
    path: '/api/v1/stats',
    summary: 'Counts by state, slots, tokens, cost and success, and what waits in the queues',
    answer: FleetStats,
    async run({ services, actor }) {
      const [stats, queues] = await Promise.all([readStats(services, actor), readQueues(services, actor)])
      return { ...stats, queues }
    },
  })
  endpoint(api, {
    ...common,
    name: 'read_history',
    scope: 'sessions:read',
    path: '/api/v1/stats/history',
    summary: 'What was finished and used in steps over the last hour, day or week',
    query: z.strictObject({ window: History.shape.window.default('hour') }),
    answer: History,
    run: ({ services, actor, query: { window } }) => readHistory(services, actor, window),
  })
  endpoint(api, {
    ...common,
    name: 'list_capabilities',
    scope: 'agents:read',
    path: '/api/v1/stats/capabilities',
    summary: 'By capability: agents and slots that have it, and the tasks that ask for it',
    answer: CapabilityList,
    run: async ({ services, actor }) => ({ items: await readCapabilities(services, actor) }),
  })
  endpoint(api, {
    ...common,
    name: 'list_needs',
    scope: 'sessions:read',
    path: '/api/v1/needs',
    summary: 'Sessions that need a person: what they ask, what they miss, what failed in the last 24 hours',
    answer: NeedList,
    run: async ({ services, actor }) => ({ items: await listNeeds(services, actor) }),
  })
}
