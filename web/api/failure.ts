import type { Problem } from './types.ts'

/** The API refused: its own words, and the fields at fault. */
export class Refusal extends Error {
  readonly problem: Problem
  /** What the server asks to wait before the same is tried again, in ms; null when it does not say. */
  readonly retry_after_ms: number | null

  constructor(problem: Problem, retry_after_ms: number | null) {
    super(problem.detail)
    this.name = 'Refusal'
    this.problem = problem
    this.retry_after_ms = retry_after_ms
  }

  get code() {
    return this.problem.code
  }
}

/** No answer came: the network, the address, or a deadline. */
export class Unreachable extends Error {
  /** Where no answer came from. */
  readonly address: string
  readonly timed_out: boolean

  constructor(address: string, timed_out: boolean) {
    super(timed_out ? `${address} did not answer in time.` : `${address} cannot be reached.`)
    this.name = 'Unreachable'
    this.address = address
    this.timed_out = timed_out
  }
}

/** Whether the same request may work in a moment. */
export function passes(error: unknown) {
  if (error instanceof Unreachable) return !error.timed_out
  return error instanceof Refusal && (error.problem.retryable || error.problem.status === 429)
}

/** What a person is told of any error, in one sentence. */
export function sentenceOf(error: unknown) {
  return error instanceof Error ? error.message : String(error)
}

/** The messages of a refusal by the field they concern: `/budget/tokens` → message. */
export function fieldErrors(error: unknown): ReadonlyMap<string, string> {
  if (!(error instanceof Refusal)) return new Map()
  return new Map(error.problem.errors.map(({ pointer, message }) => [pointer, message]))
}

/** A problem+json answer; one of a proxy in between, that speaks otherwise, is told by its status. */
export async function refusalOf(answer: Response): Promise<Refusal> {
  const text = await answer.text().catch(() => '')
  return new Refusal(problemOf(answer, text), retryAfter(answer.headers.get('retry-after')))
}

function problemOf({ status, statusText, url }: Response, text: string): Problem {
  const said = parse(text)
  const usual: Problem = {
    type: 'about:blank',
    title: statusText,
    status,
    detail: `${url} answered ${status} ${statusText}`.trim(),
    instance: '',
    code: `http_${status}`,
    retryable: status === 502 || status === 503 || status === 504,
    request_id: '',
    errors: [],
  }
  return { ...usual, ...said, errors: errorsOf(said.errors) }
}

function errorsOf(given: unknown): Problem['errors'] {
  if (!Array.isArray(given)) return []
  return given.flatMap((one: unknown) => {
    const { pointer, message } = parse(JSON.stringify(one))
    return typeof pointer === 'string' && typeof message === 'string' ? [{ pointer, message }] : []
  })
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

function retryAfter(header: string | null) {
  const seconds = Number(header)
  return header !== null && Number.isFinite(seconds) ? Math.min(seconds, 60) * 1_000 : null
}
