import { type ErrorCode, type FieldError, OrchestratorError } from '#core/error'

/** What the edge alone can refuse: the domain knows no methods. */
export type ProblemCode = ErrorCode | 'method_not_allowed'

/** The one mapping from code to HTTP status; it fails to compile when a code is missing. */
export function statusOf(code: ProblemCode): number {
  switch (code) {
    case 'invalid_input':
      return 400
    case 'unauthorized':
      return 401
    case 'forbidden':
      return 403
    case 'not_found':
      return 404
    case 'method_not_allowed':
      return 405
    case 'illegal_transition':
    case 'has_forks':
    case 'version_conflict':
    case 'stale_attempt':
    case 'batch_gap':
    case 'context_conflict':
    case 'artifact_missing':
    case 'too_many_subscriptions':
    case 'quota_exceeded':
      return 409
    case 'precondition_failed':
      return 412
    case 'payload_too_large':
      return 413
    case 'unsupported_media_type':
      return 415
    case 'plan_invalid':
    case 'subtask_invalid':
    case 'idempotency_mismatch':
      return 422
    case 'rate_limited':
      return 429
    case 'internal':
      return 500
    case 'dependency_unavailable':
      return 503
  }
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

type Problem = {
  code: ProblemCode
  detail: string
  retryable: boolean
  errors: FieldError[]
  details: Record<string, unknown>
}

/** What is told of an error: the domain's own words, and of anything else nothing but where to look. */
export function problemOf(error: unknown, request_id: string): Problem {
  if (error instanceof OrchestratorError && error.code !== 'internal') {
    const { code, message, retryable, errors, details } = error
    return { code, detail: message, retryable, errors, details }
  }
  const detail = `Something went wrong on our side; the log says what, under request ${request_id}.`
  return { code: 'internal', detail, retryable: false, errors: [], details: {} }
}

/** An application/problem+json answer (RFC 9457). Facts such as `legal_actions` are members beside the standard ones. */
export function renderProblem(
  problem: Problem,
  request: { request_id: string; path: string },
  headers: Record<string, string> = {},
) {
  const status = statusOf(problem.code)
  const body = {
    ...problem.details,
    type: `/problems/${problem.code}`,
    title: titles[status] ?? 'Error',
    status,
    detail: problem.detail,
    instance: request.path,
    code: problem.code,
    retryable: problem.retryable,
    request_id: request.request_id,
    errors: problem.errors,
  }
  const answer = new Headers({ 'content-type': 'application/problem+json', ...headers })
  if (status === 401) answer.set('www-authenticate', 'Bearer realm="orchestrator"')
  if (problem.details.required_scope) {
    const scope = `error="insufficient_scope", scope="${problem.details.required_scope}"`
    answer.set('www-authenticate', `Bearer realm="orchestrator", ${scope}`)
  }
  if (problem.retryable) answer.set('retry-after', '1')
  return new Response(JSON.stringify(body), { status, headers: answer })
}
