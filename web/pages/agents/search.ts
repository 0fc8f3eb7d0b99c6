import { type Search, textOf } from '../../parts/search.ts'

/** What the page shows, as its address holds it. */
export type AgentsSearch = {
  capability?: string
  /** The way to start another agent is open; with a word, for that capability. */
  start?: string
}

export function readAgentsSearch(given: Search): AgentsSearch {
  const capability = textOf(given.capability, 64)
  const start = textOf(given.start, 64)
  return { ...(capability && { capability }), ...(start && { start }) }
}
