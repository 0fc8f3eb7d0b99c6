import { createHash } from 'node:crypto'
import { invalid } from './issues.ts'

/** The version that a change is based on; null when the caller does not mind. @throws invalid_input */
export function ifMatch(request: Request) {
  const given = request.headers.get('if-match')
  if (given === null || given.trim() === '*') return null
  const version = /^\s*"(\d{1,15})(?:\.[\w-]{1,22})?"\s*$/.exec(given)?.[1]
  if (version) return Number(version)
  throw invalid('If-Match', [{ pointer: '', message: 'must be the ETag of a read, such as "3"' }])
}

/**
 * The answer to a read that carries a version. What is told of a thing may move without it, such as the last seq of a
 * session: the ETag is the version and a digest of the very text, so that no 304 hides what is new.
 */
export async function conditional(request: Request, answer: Response) {
  const version = answer.headers.get('etag') ?? ''
  const text = await answer.text()
  const digest = createHash('sha256').update(text).digest('base64url').slice(0, 16)
  const tag = `"${version.replaceAll('"', '')}.${digest}"`
  answer.headers.set('etag', tag)
  if (!names(request.headers.get('if-none-match'), tag)) return new Response(text, answer)
  answer.headers.delete('content-type')
  return new Response(null, { status: 304, headers: answer.headers })
}

/** Whether a tag is among those that the caller has; compared weakly, as RFC 9110 has it. */
function names(given: string | null, tag: string) {
  if (given === null) return false
  const tags = given.split(',').map((one) => one.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(tag)
}
