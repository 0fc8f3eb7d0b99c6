import * as z from 'zod'

/** A JSON value. */
export type Json = z.core.util.JSONType

export type JsonObject = { [member: string]: Json }

/** What an entry's value may hold, in bytes of JSON. */
export const maxValueBytes = 256 * 1024
/** Deeper values than this are refused, so that nothing here runs out of stack. */
export const maxDepth = 60

/** Any JSON value within the limits. Refused is what could not be given back as it came. */
export const JsonValue = z
  .unknown()
  .superRefine((value, { addIssue }) => {
    const message = faultOf(value, 0)
    if (message) addIssue({ code: 'custom', message })
  })
  .pipe(z.json())

function faultOf(value: unknown, depth: number): string | null {
  if (value === undefined) return 'is required and must be a JSON value'
  if (typeof value === 'number' && !Number.isFinite(value)) return 'must hold finite numbers only'
  if (typeof value !== 'object' || value === null) return null
  if (depth >= maxDepth) return `must be at most ${maxDepth} levels deep`
  for (const [name, member] of Object.entries(value)) {
    if (name === '__proto__') return 'must not have a member named __proto__; rename it'
    const fault = faultOf(member, depth + 1)
    if (fault) return fault
  }
  return null
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The member itself, never what objects inherit. */
export function memberOf(value: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined
}

/** Whether two values are the same; the order of members does not count, and nothing is only like nothing. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => isSame(item, b[i]))
  if (!isObject(a) || !isObject(b)) return false
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(memberOf(a, name), memberOf(b, name)))
  )
}

/** One text for all values that are the same. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const members = Object.keys(value).sort()
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(memberOf(value, name) ?? null)}`).join(',')}}`
}
