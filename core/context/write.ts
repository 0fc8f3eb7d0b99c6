import type { Actor } from '#core/actor'
import { OrchestratorError } from '#core/error'
import { type NewEvent, pageText } from '#core/event/event'
import { channelOf } from '#core/live/channel'
import type { Services } from '#core/services'
import { assertWrites, type Quoted } from './access.ts'
import type { ContextEntry, ContextStrategy, Place } from './entry.ts'
import { conflictedEvents, type Told, updatedEvent } from './events.ts'
import { isSame, type Json, maxValueBytes } from './json.ts'
import { type Merged, merge } from './merge.ts'
import {
  type KnownEntry,
  knownStatement,
  lockStatement,
  type NewVersion,
  type Stored,
  storeStatement,
} from './write.sql.ts'

/** Whose entry is written, from which version. `based_on` null is the version that is there when it is written. */
export type Target = { place: Place; key: string; based_on: number | null; quoted: Quoted | null }

/** What is to be there, decided from the version that the write is based on; undefined deletes. */
type Desired = (base: Json | undefined, known: KnownEntry) => Json | undefined

/** What a write came to: a version that is new or was there already, or a refusal whose event is stored all the same. */
type Outcome =
  | { kind: 'unchanged'; version: Stored }
  | { kind: 'stored'; version: NewVersion; events: NewEvent[] }
  | { kind: 'refused'; error: OrchestratorError; events: NewEvent[] }

/**
 * What every write of an entry does, in one transaction: take its turn, look, merge, and store the version with
 * its events. It moves the session's log, not its version: no decision reads contexts (like log pages).
 * @throws not_found, forbidden, stale_attempt, precondition_failed, payload_too_large, context_conflict
 */
export async function writeEntry(
  services: Services,
  actor: Actor,
  target: Target,
  desired: Desired,
  strategy: ContextStrategy | null = null,
): Promise<Pick<ContextEntry, 'version'>> {
  const { place, key, quoted } = target
  const { outcome, session_id } = await services.database.transaction(actor.tenant_id, async (query) => {
    await query(lockStatement(actor.tenant_id, place, key))
    await assertWrites(query, place, actor, quoted)
    const [known] = await query<KnownEntry>(knownStatement(place, key, target.based_on))
    if (!known) throw new OrchestratorError('internal', 'A look at an entry answered nothing.')
    const task_id = actor.kind === 'agent' ? (quoted?.task_id ?? null) : null
    const told = { place, key, actor, task_id, at: known.now }
    const outcome = decide(known, { target, told, strategy, desired })
    if (outcome.kind !== 'unchanged') {
      const events = place.scope === 'GLOBAL' ? [] : outcome.events
      const page = events.length > 0 ? pageText(events) : null
      const version = outcome.kind === 'stored' ? outcome.version : null
      const { session_id } = known
      const { tenant_id } = actor
      const write = { tenant_id, place, key, session_id, page, count: events.length, version }
      if (version || page) await query(storeStatement(write))
    }
    return { outcome, session_id: known.session_id }
  })
  if (session_id && outcome.kind !== 'unchanged')
    await services.bells.ring([channelOf.session(actor.tenant_id, session_id)])
  if (outcome.kind === 'refused') throw outcome.error
  return { version: outcome.version.version }
}

type Asked = { target: Target; told: Told; strategy: ContextStrategy | null; desired: Desired }

const present = (stored: Stored | null) => (stored && !stored.deleted ? stored.value : undefined)

/** The three-way merge of a write with what is there, and what is to be stored of it. Pure. */
function decide(known: KnownEntry, { target, told, strategy, desired }: Asked): Outcome {
  const { head } = known
  const at = head?.version ?? 0
  const based_on = target.based_on ?? at
  // Who knows of no entry writes a new one; a deleted one is as good as none.
  const equal = based_on === at || (based_on === 0 && head?.deleted === true)
  const base = present(target.based_on === null ? head : known.base)
  if (based_on > at || (based_on > 0 && !equal && !known.base)) throw unknownBase(told, based_on, at)
  const yours = desired(base, known)
  sizeOf(yours, told)
  const settled = head?.strategy ?? 'LAST_WRITER'
  const merged: Merged = equal
    ? { value: yours, conflicts: [] }
    : merge(base, present(head), yours, settled === 'LAST_WRITER' ? 'yours' : 'theirs')
  const { conflicts } = merged
  const disagreement = { met: at, based_on, strategy: settled, conflicts }
  if (conflicts.length > 0 && settled === 'REJECT') {
    const error = refusal(told, at, based_on, [base, present(head), yours])
    return { kind: 'refused', error, events: conflictedEvents(told, { ...disagreement, version: null }) }
  }
  const version = versionOf(known, merged, { based_on, strategy, told })
  if (head && (!equal || version.deleted) && conflicts.length === 0 && isNothingNew(head, version))
    return { kind: 'unchanged', version: head }
  const conflicted =
    conflicts.length > 0 ? conflictedEvents(told, { ...disagreement, version: version.version }) : []
  return { kind: 'stored', version, events: [...conflicted, updatedEvent(told, version, !equal)] }
}

function versionOf(
  { head }: KnownEntry,
  { value, conflicts }: Merged,
  { based_on, strategy, told }: { based_on: number; strategy: ContextStrategy | null; told: Told },
): NewVersion {
  const size = sizeOf(value, told)
  return {
    version: (head?.version ?? 0) + 1,
    value: value ?? null,
    deleted: value === undefined,
    strategy: strategy ?? head?.strategy ?? 'LAST_WRITER',
    author: told.actor.kind === 'agent' ? told.actor.agent_id : told.actor.kind,
    based_on,
    conflicts,
    size,
  }
}

/** Bytes of a value. @throws payload_too_large */
function sizeOf(value: Json | undefined, { key }: Told) {
  const size = value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value))
  if (size <= maxValueBytes) return size
  const message = `would have ${size} bytes; ${maxValueBytes} are allowed: divide it into several entries`
  throw new OrchestratorError('payload_too_large', `The value of ${key} ${message}.`, {
    errors: [{ pointer: '/value', message }],
  })
}

/** A write that was sent again, or that says what is there already. */
function isNothingNew(head: Stored, version: NewVersion) {
  return (
    isSame(head.value, version.value) &&
    head.deleted === version.deleted &&
    head.strategy === version.strategy
  )
}

function unknownBase({ key }: Told, based_on: number, at: number) {
  const message = `${key} has no version ${based_on}; it is at ${at}. Read it again and quote the version you read.`
  return new OrchestratorError('precondition_failed', message, { details: { version: at } })
}

function refusal(
  { key }: Told,
  at: number,
  based_on: number,
  [base = null, theirs = null, yours = null]: (Json | undefined)[],
) {
  const message = `${key} is at version ${at} by now, and what you changed since ${based_on} was changed there too. Merge yours into theirs, and write it based on ${at}.`
  return new OrchestratorError('context_conflict', message, {
    recorded: true,
    details: { version: at, based_on, base, theirs, yours },
  })
}
