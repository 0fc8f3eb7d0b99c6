import { GitError, withoutCredentials } from './run.ts'

/** The repository, or what was asked of it, cannot be had. `retryable` is false when only a person can help. */
export class RepositoryUnavailable extends Error {
  readonly retryable: boolean
  constructor(message: string, retryable: boolean) {
    super(message)
    this.name = 'RepositoryUnavailable'
    this.retryable = retryable
  }
}

const final = [
  /not found/i,
  /does not exist/i,
  /does not appear to be a git repository/i,
  /authentication failed/i,
  /could not read (username|password)/i,
  /permission denied/i,
  /access denied/i,
  /not exported/i,
  /returned error: 40[134]/i,
  /dubious ownership/i,
  /host key verification failed/i,
  /protocol '.*' is not/i,
  /transport '.*' not allowed/i,
  /unsupported protocol/i,
  /unable to find remote helper/i,
]

/** Puts git's failure to reach a repository into a sentence, and says whether trying again may help. */
export function unavailable(url: string, error: unknown): RepositoryUnavailable {
  if (error instanceof RepositoryUnavailable) return error
  const reason = error instanceof GitError ? error.reason : String(error)
  const retryable = !final.some((pattern) => pattern.test(reason))
  return new RepositoryUnavailable(
    `The repository ${withoutCredentials(url)} cannot be read: ${reason}`,
    retryable,
  )
}
