import * as z from 'zod'
import { notFound } from '#core/error'
import { idOf } from '#core/id'
import { type Json, JsonValue } from './json.ts'
import type { Conflict } from './merge.ts'

export const contextScopes = ['GLOBAL', 'SESSION', 'TASK'] as const
export type ContextScope = (typeof contextScopes)[number]

/** What settles a leaf that both sides of a merge changed. */
export const contextStrategies = ['LAST_WRITER', 'FIRST_WRITER', 'REJECT'] as const
export const ContextStrategy = z.enum(contextStrategies)
export type ContextStrategy = z.infer<typeof ContextStrategy>

export const ContextKey = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, 'must be words of letters, digits, - and _ joined by dots')

/** Where an entry is: its scope and what that scope is of; `-` for GLOBAL. */
export type Place = { scope: ContextScope; id: string }

/** The place that a path names. @throws not_found for what names none */
export function placeOf(scope: string, id: string): Place {
  const found = contextScopes.find((name) => name === scope)
  if (!found) throw notFound('context scope (GLOBAL, SESSION or TASK)', scope.slice(0, 100))
  const fits = found === 'GLOBAL' ? id === '-' : idOf(nouns[found]).safeParse(id).success
  if (fits) return { scope: found, id }
  throw notFound(found === 'GLOBAL' ? 'GLOBAL context but -, so not' : nouns[found], id.slice(0, 100))
}

const nouns = { SESSION: 'session', TASK: 'task' } as const

/** The key that a path names. @throws not_found */
export function keyOf(key: string) {
  if (ContextKey.safeParse(key).success) return key
  throw notFound('context entry (a key is words joined by dots)', key.slice(0, 100))
}

/** A whole value to be stored; without a strategy the entry keeps its own. */
export const ContextPut = z.strictObject({ value: JsonValue, strategy: ContextStrategy.optional() })
export type ContextPut = z.infer<typeof ContextPut>

/** An entry as it is now. */
export type ContextEntry = {
  scope: ContextScope
  id: string
  key: string
  value: Json
  /** A tombstone: the entry was deleted, and its value is null. */
  deleted: boolean
  version: number
  strategy: ContextStrategy
  /** The id of the agent that wrote it, or `operator`. */
  author: string
  /** Bytes of the value. */
  size: number
  created_at: string
}

/** One version of an entry: what its write was based on, and what it disagreed about with the one before. */
export type ContextVersion = ContextEntry & { based_on: number; conflicts: Conflict[] }

/** Columns of a version `v` as records have them. */
export const versionColumns = `v.scope, v.scope_id as id, v.key, coalesce(v.value, 'null') as value, v.deleted, v.version,
  v.strategy, v.author, v.size, v.created_at, v.based_on, v.conflicts`
