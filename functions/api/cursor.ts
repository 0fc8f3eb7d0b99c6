import * as z from 'zod'
import { invalid } from './issues.ts'

/** Opaque to callers: only what a list answered may come back. */
export function encodeCursor(list: string, last: string | number | null) {
  return last === null ? null : Buffer.from(`${list} ${last}`).toString('base64url')
}

/** The place where a list goes on, or null at its beginning. @throws invalid_input */
export function decodeCursor(list: string, cursor: string | undefined) {
  if (cursor === undefined) return null
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const last = text.startsWith(`${list} `) ? text.slice(list.length + 1) : ''
  if (/^[\w.-]{1,128}$/.test(last)) return last
  throw invalid('query', [
    { pointer: '/cursor', message: 'must be the next_cursor of an answer of this list' },
  ])
}

/** The query of a list: how many, and where to go on. */
export const listQuery = {
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().max(200).optional(),
}

/** Several values in one parameter, separated by commas. */
export function commaList<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z
    .string()
    .transform((text) => text.split(',').filter(Boolean))
    .pipe(z.array(z.enum(values)).max(50))
    .optional()
}
