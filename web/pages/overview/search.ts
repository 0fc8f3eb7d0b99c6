import { oneOf, type Search } from '../../parts/search.ts'

export const windows = ['hour', 'day', 'week'] as const
export type Window = (typeof windows)[number]
export type OverviewSearch = { window?: Window }

/** How far back the charts look; an hour needs no saying. */
export function readOverviewSearch(given: Search): OverviewSearch {
  const window = oneOf(windows, given.window)
  return window && window !== 'hour' ? { window } : {}
}
