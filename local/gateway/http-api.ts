import type { IncomingMessage, ServerResponse } from 'node:http'
import { FunctionTimeoutError, type Invoke } from '../invoke.ts'
import { type Log, reasonOf } from '../log.ts'
import { MalformedAnswerError, readAnswer, sendAnswer, sendProblem } from './answer.ts'
import { BodyTooLargeError, readBody } from './body.ts'
import { MalformedPathError, makeHttpEvent } from './event.ts'

/** API Gateway's own limits, in bytes; the second is Lambda's on what a function may answer. */
export const maxRequestBytes = 10 * 1024 * 1024
export const maxAnswerBytes = 6 * 1024 * 1024

export type HttpApi = (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<void>

type Problem = Parameters<typeof sendProblem>[2]

const problemOf = (error: unknown): Problem => {
  if (error instanceof BodyTooLargeError) {
    const detail = `The body is over ${maxRequestBytes} bytes.`
    return { status: 413, code: 'body_too_large', title: 'Content Too Large', detail, retryable: false }
  }
  if (error instanceof MalformedPathError) {
    const detail = 'The path is not valid percent-encoding.'
    return { status: 400, code: 'malformed_path', title: 'Bad Request', detail, retryable: false }
  }
  if (error instanceof FunctionTimeoutError) {
    return {
      status: 504,
      code: 'function_timeout',
      title: 'Gateway Timeout',
      detail: error.message,
      retryable: true,
    }
  }
  const detail =
    error instanceof MalformedAnswerError
      ? `The function's answer is not one: ${error.message}.`
      : 'The function failed; the log has the reason.'
  return { status: 502, code: 'function_failed', title: 'Bad Gateway', detail, retryable: true }
}

/** Every HTTP request goes to one function, as an API Gateway event, and its result comes back as HTTP. */
export const makeHttpApi =
  (invoke: Invoke, log: Log): HttpApi =>
  async (request, response, requestId) => {
    try {
      const body = await readBody(request, maxRequestBytes)
      const result = await invoke(makeHttpEvent(request, body, requestId, new Date()))
      const answer = readAnswer(result)
      if (answer.body.length > maxAnswerBytes) throw new MalformedAnswerError(`over ${maxAnswerBytes} bytes`)
      sendAnswer(response, request.method ?? 'GET', answer)
    } catch (error) {
      const problem = problemOf(error)
      if (problem.status >= 500) {
        log('error', 'request_failed', { request_id: requestId, reason: reasonOf(error) })
      }
      // What is left of the body is not worth reading.
      if (!request.complete) response.shouldKeepAlive = false
      sendProblem(response, requestId, problem)
    }
  }
