import * as z from 'zod'
import { exit } from '../exit.ts'
import { plain } from '../harmless.ts'
import type { Paint } from '../paint.ts'

const ProblemAnswer = z.object({
  title: z.string().catch(''),
  detail: z.string().optional().catch(undefined),
  code: z.string().optional().catch(undefined),
  retryable: z.boolean().catch(false),
  request_id: z.string().optional().catch(undefined),
  errors: z
    .array(z.object({ pointer: z.string(), message: z.string() }))
    .catch([])
    .default([]),
})
type ProblemAnswer = z.infer<typeof ProblemAnswer>

/** A refusal or failure that the API answered (problem+json). */
export class Problem extends Error {
  readonly status: number
  readonly problem: ProblemAnswer
  readonly raw: unknown
  /** Milliseconds that the API asks to wait. */
  readonly retry_after_ms: number | undefined

  constructor(status: number, problem: ProblemAnswer, raw: unknown, retry_after_ms?: number) {
    super(problem.detail ?? problem.title)
    this.status = status
    this.problem = problem
    this.raw = raw
    this.retry_after_ms = retry_after_ms
  }

  /** The same request may succeed later. */
  get passing() {
    return this.problem.retryable || [408, 425, 429].includes(this.status) || this.status >= 500
  }
}

/** Nobody answered: not started, another address, no network, or too slow. */
export class Unreachable extends Error {
  readonly api: string
  constructor(api: string, cause: unknown) {
    super(`The API at ${api} cannot be reached: ${reasonOf(cause)}.`, { cause })
    this.api = api
  }
}

/** An answer that is not what the API promises. */
export class Unexpected extends Error {}

/** What the person gave cannot be used; nothing was sent. */
export class BadInput extends Error {}

/** Reads a refused answer, whatever stands in front of the API. */
export async function problemOf(response: Response) {
  const text = await response.text().catch(() => '')
  const raw = jsonOrText(text)
  const parsed = ProblemAnswer.safeParse(raw)
  const fallback = {
    title: `HTTP ${response.status} ${response.statusText}`.trim(),
    retryable: false,
    errors: [],
  }
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const retry_after_ms = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined
  const problem = parsed.success ? { ...parsed.data, title: parsed.data.title || fallback.title } : fallback
  return new Problem(response.status, problem, raw, retry_after_ms)
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** fetch says "fetch failed" and hides why in the cause; several addresses hide it once more. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'no answer in time'
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (error.cause instanceof Error) return reasonOf(error.cause)
  return plain(error.message) || error.name
}

/** The exit code that tells a script what kind of error it was. */
export function exitOf(error: unknown) {
  if (error instanceof BadInput) return exit.input
  if (error instanceof Unreachable) return exit.unreachable
  if (!(error instanceof Problem)) return exit.server
  if (error.status === 401 || error.status === 403) return exit.denied
  return error.status >= 500 || error.status === 429 ? exit.server : exit.input
}

const needsKey =
  'Set ORCHESTRATOR_API_KEY. For npm start with another data folder than .data, set ORCHESTRATOR_DATA to it.'

/** An error as lines for a person: what is wrong, where, and what to do. */
export function renderError(error: unknown, paint: Paint): string {
  if (error instanceof Unreachable) {
    const start = 'Start it with `npm start`, or say where it is with --api or ORCHESTRATOR_API_URL.'
    return lines([`${paint.red('error')}: ${plain(error.message)}`, start])
  }
  if (!(error instanceof Problem)) {
    return lines([`${paint.red('error')}: ${plain(error instanceof Error ? error.message : String(error))}`])
  }
  const { title, detail, errors, code, request_id } = error.problem
  const facts = [String(error.status), code, request_id].filter(Boolean).join(' · ')
  return lines([
    `${paint.red('error')}: ${plain(title)}`,
    ...(detail && detail !== title ? [`  ${plain(detail)}`] : []),
    ...errors.map(({ pointer, message }) => `  ${paint.yellow(plain(pointer) || '/')} ${plain(message)}`),
    `  ${paint.dim(plain(facts))}`,
    ...(error.status === 401 ? [needsKey] : []),
  ])
}

function lines(all: string[]) {
  return all.map((line) => `${line}\n`).join('')
}
