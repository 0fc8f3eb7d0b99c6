import { OrchestratorError } from '#core/error'
import { invalid, pointerOf } from './issues.ts'

/** What a request may hold, in bytes. */
export const maxBodyBytes = 1024 * 1024

const jsonType = /^application\/(json|[\w.-]+\+json)\s*(;|$)/i

export type Body = { bytes: Uint8Array; json: unknown }

/**
 * Reads a JSON body; none at all is `undefined`. `verbatim` lets every character pass, where text is stored as
 * it came; elsewhere Postgres holds neither NUL nor half a surrogate pair.
 * @throws payload_too_large, unsupported_media_type, invalid_input
 */
export async function readBody(request: Request, options: { verbatim: boolean }): Promise<Body> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBodyBytes) throw tooLarge()
  const bytes = new Uint8Array(await request.arrayBuffer())
  if (bytes.length > maxBodyBytes) throw tooLarge()
  if (bytes.length === 0) return { bytes, json: undefined }
  const type = request.headers.get('content-type') ?? ''
  if (!jsonType.test(type)) {
    const message = `The body must be application/json, not ${type || 'without a Content-Type'}.`
    throw new OrchestratorError('unsupported_media_type', message)
  }
  const json = parse(bytes)
  const fault = faultIn(json, [], options.verbatim ? () => true : isStorable)
  if (fault) throw invalid('body', [{ pointer: pointerOf(fault.path), message: fault.message }])
  return { bytes, json }
}

function tooLarge() {
  return new OrchestratorError(
    'payload_too_large',
    `The body is over ${maxBodyBytes} bytes; make it smaller.`,
  )
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new OrchestratorError('invalid_input', `The body is not valid JSON: ${reason}`, { cause })
  }
}

/** Whether a text can be stored in Postgres. */
export function isStorable(text: string) {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text)
}

/** Deeper values than this are no body of ours; the schemas end long before. */
const maxDepth = 64

type Fault = { path: string[]; message: string }

function faultIn(value: unknown, path: string[], fits: (text: string) => boolean): Fault | null {
  const message = 'must not contain NUL or half a surrogate pair'
  if (typeof value === 'string') return fits(value) ? null : { path, message }
  if (typeof value !== 'object' || value === null) return null
  if (path.length >= maxDepth)
    return { path: path.slice(0, 3), message: `must be at most ${maxDepth} levels deep` }
  for (const [key, member] of Object.entries(value)) {
    if (!fits(key)) return { path, message }
    const found = faultIn(member, [...path, key], fits)
    if (found) return found
  }
  return null
}
