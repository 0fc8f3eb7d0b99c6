import { isObject, isSame, type Json, type JsonObject, memberOf } from './json.ts'
import { mergeLists } from './merge-lists.ts'

/** Whose value stands where both sides changed the same leaf. */
export type Side = 'theirs' | 'yours'

/** A leaf that both sides changed; a side that has no such member (any more) is absent. */
export type Conflict = { pointer: string; base?: Json; theirs?: Json; yours?: Json }

export type Merged = { value: Json | undefined; conflicts: Conflict[] }

/** Past this many conflicts the two values as a whole are the conflict: nobody reads more of them. */
export const maxConflicts = 100
const maxPointers = 64 * 1024

/**
 * A three-way merge: `theirs` is what is stored, `yours` what is written, `base` what the writer had seen;
 * undefined is "not there". A side that did not change gives way. Members merge recursively, lists unite,
 * and a leaf that both changed is a conflict, at which `preferred` stands. Pure, and never throws.
 */
export function merge(
  base: Json | undefined,
  theirs: Json | undefined,
  yours: Json | undefined,
  preferred: Side,
): Merged {
  const conflicts: Conflict[] = []
  const value = mergeAt('', { base, theirs, yours }, preferred, conflicts)
  const pointers = conflicts.reduce((sum, { pointer }) => sum + pointer.length, 0)
  if (conflicts.length <= maxConflicts && pointers <= maxPointers) return { value, conflicts }
  return { value, conflicts: [conflictAt('', { base, theirs, yours })] }
}

type Three = { base: Json | undefined; theirs: Json | undefined; yours: Json | undefined }

function mergeAt(pointer: string, three: Three, preferred: Side, conflicts: Conflict[]): Json | undefined {
  const { base, theirs, yours } = three
  if (isSame(theirs, yours) || isSame(base, yours)) return theirs
  if (isSame(base, theirs)) return yours
  if (isObject(theirs) && isObject(yours))
    return mergeMembers(pointer, { base, theirs, yours }, preferred, conflicts)
  if (Array.isArray(theirs) && Array.isArray(yours)) {
    const united = mergeLists(Array.isArray(base) ? base : [], theirs, yours)
    if (united) return united
  }
  // One more than are kept says that there are too many.
  if (conflicts.length <= maxConflicts) conflicts.push(conflictAt(pointer, three))
  return preferred === 'theirs' ? theirs : yours
}

function mergeMembers(
  pointer: string,
  { base, theirs, yours }: { base: Json | undefined; theirs: JsonObject; yours: JsonObject },
  preferred: Side,
  conflicts: Conflict[],
): Json {
  const before = isObject(base) ? base : {}
  const names = new Set([...Object.keys(theirs), ...Object.keys(yours)])
  const members = [...names].flatMap((name) => {
    const three = {
      base: memberOf(before, name),
      theirs: memberOf(theirs, name),
      yours: memberOf(yours, name),
    }
    const at = conflicts.length > maxConflicts ? '' : `${pointer}/${escaped(name)}`
    const value = mergeAt(at, three, preferred, conflicts)
    return value === undefined ? [] : [[name, value] as const]
  })
  // Not by assignment: a member may have any name.
  return Object.fromEntries(members)
}

/** A name in a JSON pointer (RFC 6901). */
const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1')

function conflictAt(pointer: string, { base, theirs, yours }: Three): Conflict {
  return {
    pointer,
    ...(base === undefined ? {} : { base }),
    ...(theirs === undefined ? {} : { theirs }),
    ...(yours === undefined ? {} : { yours }),
  }
}
