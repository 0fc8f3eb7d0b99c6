import { isObject, type Json, memberOf } from './json.ts'

/** A JSON merge patch (RFC 7396) on a value: members are set, null takes one away, anything else replaces. */
export function applyPatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch
  const before = isObject(target) ? target : {}
  const members = new Map(Object.entries(before))
  for (const [name, change] of Object.entries(patch)) {
    if (change === null) members.delete(name)
    else members.set(name, applyPatch(memberOf(before, name), change))
  }
  return Object.fromEntries(members)
}
