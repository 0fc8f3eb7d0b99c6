import type { Actor } from '#core/actor'
import type { EventType, NewEvent } from '#core/event/event'
import type { Place } from './entry.ts'
import type { Conflict } from './merge.ts'
import type { NewVersion } from './write.sql.ts'

/** A value up to this many bytes stands in the event of its write; a longer one is read from its version. */
const maxInline = 16 * 1024
/** UTF-16 units of a part: at most 18 KB, escaped once more, so that the event stays under 24 KB. */
const maxPart = 6_000

export type Told = { place: Place; key: string; actor: Actor; task_id: string | null; at: string }

function eventOf(
  { place, actor, task_id, at }: Told,
  type: EventType,
  data: Record<string, unknown>,
): NewEvent {
  const task = task_id ?? (place.scope === 'TASK' ? place.id : null)
  return {
    at,
    type,
    ...(task ? { task_id: task } : {}),
    ...(actor.kind === 'agent' ? { agent_id: actor.agent_id } : {}),
    data,
  }
}

/** That a version was stored. */
export function updatedEvent(told: Told, version: NewVersion, behind: boolean): NewEvent {
  const { place, key } = told
  const { value, size, deleted, strategy, author, based_on } = version
  const what = deleted
    ? 'was deleted'
    : behind
      ? `was merged with a write based on ${based_on}`
      : 'was written'
  return eventOf(told, 'context.updated', {
    message: `${place.scope} ${key} ${what}: version ${version.version}`,
    scope: place.scope,
    id: place.id,
    key,
    version: version.version,
    based_on,
    merged: behind,
    deleted,
    strategy,
    author,
    size,
    ...(size <= maxInline && !deleted ? { value } : {}),
  })
}

export type Disagreement = {
  /** The version that a write met, and the one that came of it; null when it was refused. */
  met: number
  version: number | null
  based_on: number
  strategy: string
  conflicts: Conflict[]
}

/** What two writers disagreed about, with all values. Where one event cannot hold them, their JSON goes on in further ones. */
export function conflictedEvents(told: Told, { conflicts, ...rest }: Disagreement): NewEvent[] {
  const { place, key } = told
  const outcome = rest.version === null ? 'the write was refused' : `settled by ${rest.strategy}`
  const message = `${place.scope} ${key} was changed by two writers at ${conflicts.length} place(s): ${outcome}`
  const data = { message, scope: place.scope, id: place.id, key, ...rest }
  const json = JSON.stringify(conflicts)
  if (Buffer.byteLength(json) <= maxInline)
    return [eventOf(told, 'context.conflicted', { ...data, conflicts })]
  const parts = partsOf(json)
  return parts.map((conflicts_json, part) =>
    eventOf(told, 'context.conflicted', { ...data, conflicts_json, part, more: part < parts.length - 1 }),
  )
}

/** Pieces of a text that no event is too small for; no character is divided. */
function partsOf(text: string) {
  const parts: string[] = []
  let from = 0
  while (from < text.length) {
    const to = from + maxPart
    const divides = /[\uD800-\uDBFF]/.test(text.charAt(to - 1)) && to < text.length
    parts.push(text.slice(from, divides ? to - 1 : to))
    from = divides ? to - 1 : to
  }
  return parts
}
