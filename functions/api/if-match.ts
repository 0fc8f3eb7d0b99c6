import { invalid } from './issues.ts'

/** The version that a change is based on; null when the caller does not mind. @throws invalid_input */
export function ifMatch(request: Request) {
  const given = request.headers.get('if-match')
  if (given === null || given.trim() === '*') return null
  const version = /^\s*"(\d{1,15})"\s*$/.exec(given)?.[1]
  if (version) return Number(version)
  throw invalid('If-Match', [{ pointer: '', message: 'must be the ETag of a read, such as "3"' }])
}
