import type { ServerResponse } from 'node:http'

/** A function's result as HTTP: what is left when API Gateway has read it. */
export type Answer = { status: number; headers: Record<string, string>; cookies: string[]; body: Buffer }

export class MalformedAnswerError extends Error {}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Node sets these itself; the function's would contradict what is sent. */
const ownedByConnection = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length'])

const headersOf = (given: unknown): Record<string, string> => {
  const headers: Record<string, string> = {}
  if (given === undefined || given === null) return headers
  if (!isRecord(given)) throw new MalformedAnswerError('headers is not an object')
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || ownedByConnection.has(name.toLowerCase())) continue
    headers[name.toLowerCase()] = String(value)
  }
  return headers
}

const bodyOf = (result: Record<string, unknown>): Buffer => {
  const { body } = result
  if (body === undefined || body === null) return Buffer.alloc(0)
  if (typeof body !== 'string') throw new MalformedAnswerError('body is not a string')
  return Buffer.from(body, result.isBase64Encoded === true ? 'base64' : 'utf8')
}

/**
 * Reads a result as payload 2.0 does: without a statusCode, the whole of it is the body, as JSON, with 200.
 * Throws MalformedAnswerError.
 */
export const readAnswer = (result: unknown): Answer => {
  if (!isRecord(result) || result.statusCode === undefined) {
    const body = Buffer.from(typeof result === 'string' ? result : (JSON.stringify(result) ?? ''))
    return { status: 200, headers: { 'content-type': 'application/json' }, cookies: [], body }
  }
  const status = Number(result.statusCode)
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new MalformedAnswerError(`statusCode is ${String(result.statusCode)}`)
  }
  const cookies = Array.isArray(result.cookies) ? result.cookies.map(String) : []
  const body = bodyOf(result)
  const headers = headersOf(result.headers)
  if (body.length > 0) headers['content-type'] ??= 'text/plain;charset=utf-8'
  return { status, headers, cookies, body }
}

/** Sends it. A body goes out only where HTTP has one. Throws when a header holds what HTTP does not allow. */
export const sendAnswer = (response: ServerResponse, method: string, answer: Answer): void => {
  response.statusCode = answer.status
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value)
  if (answer.cookies.length > 0) response.setHeader('set-cookie', answer.cookies)
  const bodiless = method === 'HEAD' || answer.status === 204 || answer.status === 304
  if (answer.status !== 204 && answer.status !== 304) response.setHeader('content-length', answer.body.length)
  response.end(bodiless ? undefined : answer.body)
}

/** A refusal of the gateway itself, in the shape that the API's own errors have. */
export const sendProblem = (
  response: ServerResponse,
  requestId: string,
  problem: { status: number; code: string; title: string; detail: string; retryable: boolean },
): void => {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const body = JSON.stringify({ type: 'about:blank', ...problem, request_id: requestId })
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(problem.status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
  })
  response.end(body)
}
