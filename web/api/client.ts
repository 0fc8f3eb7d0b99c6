import { access, refuse } from './access.ts'
import { passes, Refusal, refusalOf, Unreachable } from './failure.ts'

/** Longer than the API itself may take (29 s in the cloud) nobody waits for an answer, in ms. */
const deadlineMs = 30_000
/** Pauses before the same request is sent again, where that can help. */
const retryMs = [250, 1_000]

export type Query = Record<string, string | number | readonly string[] | undefined>

export type Request = {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  query?: Query
  body?: unknown
  /** The version that a change is based on. */
  if_match?: number
  /** Of a POST: the same key and body do a thing once, however often it is sent. One is made when none is given. */
  idempotency_key?: string
  accept?: string
  signal?: AbortSignal | undefined
  timeout_ms?: number
  /** Another key than the page's, to be tried. */
  key?: string
}

let base = ''
let sockets: string | undefined

/** Where the API is, and where sockets are opened if not where its tickets say. Called once, before anything is asked. */
export function setBase(api_url: string, ws_url: string | null) {
  base = api_url
  sockets = ws_url ?? undefined
}

export function socketBase() {
  return sockets
}

export function apiBase() {
  return base
}

/** The address of a path below the base; what is undefined or an empty list is left out. */
export function addressOf(path: string, query: Query = {}) {
  // /health and /ready stand at the root of the API's host.
  const url = new URL(path.startsWith('//') ? path.slice(1) : `${base}${path}`, base)
  for (const [name, value] of Object.entries(query)) {
    const text = Array.isArray(value) ? value.join(',') : value
    if (text !== undefined && text !== '') url.searchParams.set(name, String(text))
  }
  return url.href
}

/** What makes a POST happen once. `crypto.randomUUID` is absent where a page is not served securely. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * Asks the API; what passes by itself is asked again, a few times.
 * @throws Refusal with the API's own words, or Unreachable
 */
export async function send(path: string, request: Request = {}): Promise<Response> {
  const key = request.idempotency_key ?? newKey()
  for (let tries = 0; ; tries++) {
    try {
      return await sendOnce(path, request, key)
    } catch (error) {
      const pause = retryMs[tries]
      if (pause === undefined || request.signal?.aborted || !passes(error)) throw error
      const asked = error instanceof Refusal ? (error.retry_after_ms ?? 0) : 0
      await new Promise((resolve) => setTimeout(resolve, Math.max(pause, asked)))
    }
  }
}

/** A JSON answer. Its type is the server's own: both are built from one source. */
export async function ask<T>(path: string, request: Request = {}): Promise<T> {
  const answer = await send(path, request)
  return answer.json()
}

/** A call whose answer holds nothing. */
export async function tell(path: string, request: Request = {}) {
  await send(path, request)
}

async function sendOnce(path: string, request: Request, key: string) {
  const { method = 'GET', body, if_match, timeout_ms = deadlineMs, key: tried } = request
  const bearer = tried ?? access.get().key
  const headers = new Headers({ accept: request.accept ?? 'application/json' })
  if (bearer !== null) headers.set('authorization', `Bearer ${bearer}`)
  if (method === 'POST') headers.set('idempotency-key', key)
  if (body !== undefined) headers.set('content-type', 'application/json')
  if (if_match !== undefined) headers.set('if-match', `"${if_match}"`)
  const late = AbortSignal.timeout(timeout_ms)
  const signal = request.signal ? AbortSignal.any([request.signal, late]) : late
  const payload = body === undefined ? null : JSON.stringify(body)
  const address = addressOf(path, request.query)
  const answer = await fetch(address, { method, headers, signal, body: payload }).catch((error: unknown) => {
    // Who asked has taken it back: that is no outage.
    if (request.signal?.aborted) throw error
    throw new Unreachable(new URL(base).origin, late.aborted)
  })
  if (answer.status === 401 && tried === undefined) refuse()
  if (!answer.ok) throw await refusalOf(answer)
  return answer
}
