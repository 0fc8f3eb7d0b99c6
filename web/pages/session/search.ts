import { oneOf, type Search, someOf, textOf } from '../../parts/search.ts'
import { type Place, placeOf, readPlace, type Stream, streams } from './feed/line.ts'

export const panels = ['terminal', 'changes', 'context'] as const
export type Panel = (typeof panels)[number]

export type SessionSearch = {
  /** The selected task. */
  task?: string | undefined
  /** A line of the terminal: `17912`, or `17912-3` for a later line of the same event. */
  line?: number | string | undefined
  panel?: Panel | undefined
  /** The terminal shows the selected task alone. */
  only?: 'task' | undefined
  streams?: string | undefined
  errors?: 'yes' | undefined
  /** What is looked for in the terminal. */
  find?: string | undefined
}

export function readSessionSearch(given: Search): SessionSearch {
  const task = textOf(given.task)
  const place = readPlace(given.line)
  const panel = oneOf(panels, given.panel)
  const some = someOf(streams, given.streams)?.join(',')
  const find = textOf(given.find)
  return {
    ...(task && { task }),
    ...(place && { line: placeOf(place) }),
    ...(panel && { panel }),
    ...(given.only === 'task' && { only: 'task' as const }),
    ...(some && { streams: some }),
    ...(given.errors === 'yes' && { errors: 'yes' as const }),
    ...(find && { find }),
  }
}

export function streamsIn({ streams: some }: SessionSearch): ReadonlySet<Stream> {
  return new Set(someOf(streams, some) ?? [])
}

export function lineIn({ line }: SessionSearch): Place | undefined {
  return line === undefined ? undefined : readPlace(line)
}
