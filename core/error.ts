/** Everything that can be refused, by name. A code is a contract; the message is for people. */
export type ErrorCode =
  | 'invalid_input'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'illegal_transition'
  | 'has_forks'
  | 'version_conflict'
  | 'precondition_failed'
  | 'stale_attempt'
  | 'batch_gap'
  | 'context_conflict'
  | 'idempotency_mismatch'
  | 'artifact_missing'
  | 'plan_invalid'
  | 'subtask_invalid'
  | 'payload_too_large'
  | 'quota_exceeded'
  | 'rate_limited'
  | 'too_many_subscriptions'
  | 'unsupported_media_type'
  | 'dependency_unavailable'
  | 'internal'

export type FieldError = { pointer: string; message: string }

/** Codes whose cause passes by itself: the same request may be sent again. */
const retryable: ReadonlySet<ErrorCode> = new Set([
  'version_conflict',
  'rate_limited',
  'dependency_unavailable',
])

type Extra = {
  errors?: FieldError[]
  details?: Record<string, unknown>
  recorded?: boolean
  cause?: unknown
}

/** The one error that the domain throws. Whatever else is thrown is a bug or an outage. */
export class OrchestratorError extends Error {
  readonly code: ErrorCode
  readonly errors: FieldError[]
  /** Facts for machines, e.g. the state it is in and the actions that are legal. */
  readonly details: Record<string, unknown>
  /** The refusal is on record: what the transaction has written of it stays. */
  readonly recorded: boolean

  constructor(code: ErrorCode, message: string, extra: Extra = {}) {
    super(message, { cause: extra.cause })
    this.name = 'OrchestratorError'
    this.code = code
    this.errors = extra.errors ?? []
    this.details = extra.details ?? {}
    this.recorded = extra.recorded ?? false
  }

  get retryable() {
    return retryable.has(this.code)
  }
}

export function notFound(noun: string, id: string) {
  return new OrchestratorError('not_found', `There is no ${noun} ${id}.`)
}
