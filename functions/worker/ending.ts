import type { Fail, MergeConflict } from '#core/task/wire'
import { ApiError } from './client.ts'
import { EngineError } from './engine/engine.ts'
import { RepositoryUnavailable } from './git/unavailable.ts'
import { reasonOf } from './log.ts'
import { storable } from './text.ts'

/** The attempt did not reach its goal, in one of the ways that the control plane knows. */
export class AttemptFailure extends Error {
  readonly code: Fail['code']
  readonly retryable: boolean
  constructor(code: Fail['code'], message: string, retryable = true) {
    super(message)
    this.name = 'AttemptFailure'
    this.code = code
    this.retryable = retryable
  }
}

/** Why an attempt is ended from outside. */
export type Ending =
  /** It is no longer ours: nothing more is said about it. */
  | { kind: 'abandon'; reason: string }
  /** Its work is to be kept and given back. */
  | { kind: 'release'; reason: string }
  | { kind: 'timeout' }

/** Thrown by what waits when an attempt is ended from outside. */
export class Ended extends Error {
  readonly ending: Ending
  constructor(ending: Ending) {
    super(`the attempt was ended: ${ending.kind}`)
    this.name = 'Ended'
    this.ending = ending
  }
}

/** The attempt cannot begin: the commits that it builds on conflict. */
export class Unmergeable extends Error {
  readonly conflict: MergeConflict
  constructor(conflict: MergeConflict) {
    super(`${conflict.keys.join(', ')} conflict in ${conflict.files.join(', ')}`)
    this.name = 'Unmergeable'
    this.conflict = conflict
  }
}

/** Puts whatever was thrown into the body of a `fail` call. */
export function failureOf(error: unknown): { code: Fail['code']; message: string; retryable: boolean } {
  const message = storable(reasonOf(error) || 'no reason given').slice(0, 3_900)
  if (error instanceof AttemptFailure) return { code: error.code, message, retryable: error.retryable }
  if (error instanceof RepositoryUnavailable) {
    return { code: 'repository_unavailable', message, retryable: error.retryable }
  }
  if (error instanceof EngineError) return { code: 'engine_failed', message, retryable: error.retryable }
  if (error instanceof ApiError) {
    return {
      code: 'engine_failed',
      message: `The control plane refused the result: ${message}`,
      retryable: true,
    }
  }
  return { code: 'engine_failed', message: `The worker failed: ${message}`, retryable: true }
}
