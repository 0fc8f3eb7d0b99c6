import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type * as z from 'zod'
import { Problem, problemOf, Unexpected, Unreachable } from './errors.ts'

export const defaultApi = 'http://localhost:8000/api/v1'

export type Api = {
  /** Base of the resources, without a slash at the end. */
  base: string
  /** What it is called with; without one only what is public answers. */
  key?: string | undefined
  /** Each request's deadline. */
  timeout_ms: number
  /** Pauses before the same request is sent again, when the answer says that this helps. */
  retry_ms: number[]
  signal: AbortSignal
}

export type Request = {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  query?: Record<string, string | number | undefined>
  body?: unknown
  /** Of a POST; one is made when none is given. */
  idempotency_key?: string
  accept?: string
  /** The version that a write is based on. */
  if_match?: number
}

/** The address of a path below the base, e.g. `/sessions`. */
export function addressOf(api: Pick<Api, 'base'>, path: string, query: Request['query'] = {}) {
  const url = new URL(`${api.base}${path}`)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  return url
}

/**
 * Sends a request, again a few times when the answer says that its cause passes.
 * Throws Unreachable, or the Problem that the API answers.
 */
export async function send(api: Api, path: string, request: Request = {}): Promise<Response> {
  const key = request.idempotency_key ?? randomUUID()
  for (let tries = 0; ; tries++) {
    try {
      return await sendOnce(api, path, request, key)
    } catch (error) {
      const delay = api.retry_ms[tries]
      if (delay === undefined || !(error instanceof Problem) || !error.problem.retryable) throw error
      await pause(delay, undefined, { signal: api.signal })
    }
  }
}

async function sendOnce(api: Api, path: string, request: Request, key: string) {
  const { method = 'GET', body } = request
  const headers = new Headers({ accept: request.accept ?? 'application/json' })
  if (api.key) headers.set('authorization', `Bearer ${api.key}`)
  if (method === 'POST') headers.set('idempotency-key', key)
  if (request.if_match !== undefined) headers.set('if-match', `"${request.if_match}"`)
  if (body !== undefined) headers.set('content-type', 'application/json')
  const signal = AbortSignal.any([api.signal, AbortSignal.timeout(api.timeout_ms)])
  const address = addressOf(api, path, request.query)
  const payload = body === undefined ? null : JSON.stringify(body)
  const response = await fetch(address, { method, headers, signal, body: payload }).catch((cause) => {
    throw new Unreachable(api.base, cause)
  })
  if (!response.ok) throw await problemOf(response)
  return response
}

/** A JSON answer as it came, for `--json`, and as this command understands it. */
export async function call<T>(api: Api, schema: z.ZodType<T>, path: string, request: Request = {}) {
  const response = await send(api, path, request)
  const raw = await jsonOf(api, response)
  const parsed = schema.safeParse(raw)
  if (parsed.success) return { raw, value: parsed.data }
  const issue = parsed.error.issues[0]
  throw new Unexpected(
    `${path} answered /${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'not understood'}`,
  )
}

async function jsonOf(api: Api, response: Response): Promise<unknown> {
  const text = await response.text().catch((cause) => {
    throw new Unreachable(api.base, cause)
  })
  try {
    return JSON.parse(text)
  } catch {
    throw new Unexpected(`${response.url} answered no JSON; is this the orchestrator's API?`)
  }
}
