import { readStats, Stats } from '#core/fleet/stats'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'

/** How the fleet stands. */
export function fleetRoutes(api: Api) {
  endpoint(api, {
    ...nothing,
    name: 'read_stats',
    method: 'get',
    path: '/api/v1/stats',
    tag: 'fleet',
    summary: 'Counts by state, slots, tokens, cost and success',
    answer: Stats,
    run: ({ services, actor }) => readStats(services, actor),
  })
}
