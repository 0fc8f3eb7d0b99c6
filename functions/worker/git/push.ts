import { backoff, wait } from '../wait.ts'
import type { Mirror } from './mirror.ts'
import { GitError, git, gitText } from './run.ts'

export type Pushed = { branch: string; pushed: true } | { branch: null; pushed: false; reason: string }

/**
 * Puts a commit on a branch of the user's repository, only if the branch still is what it was when looked
 * at. A refusal (read-only, protected, checked out, unreachable) is an answer with git's reason.
 */
export async function pushBranch(
  mirror: Mirror,
  branch: string,
  commit: string,
  signal?: AbortSignal,
): Promise<Pushed> {
  const { url } = mirror
  if (url === null) return { branch: null, pushed: false, reason: 'No repository was given.' }
  const ref = `refs/heads/${branch}`
  for (let n = 1; ; n += 1) {
    try {
      const config = await mirror.reach()
      const listed = await gitText(['ls-remote', '--quiet', '--', url, ref], { config, signal })
      const old = /^([0-9a-f]{40,64})\t/.exec(listed)?.[1] ?? ''
      if (old === commit) return { branch, pushed: true }
      const lease = `--force-with-lease=${ref}:${old}`
      const args = ['push', '--quiet', '--no-verify', lease, '--', url, `${commit}:${ref}`]
      await git(args, { cwd: mirror.dir, config, deadline: 300_000, signal })
      return { branch, pushed: true }
    } catch (error) {
      if (!(error instanceof GitError)) throw error
      const reason = error.reason.slice(0, 1_900)
      if (n >= 3 || !/stale info|could not resolve|timed out|connection|no answer within/i.test(reason)) {
        return { branch: null, pushed: false, reason }
      }
      await wait(backoff(n, 1_000), signal)
    }
  }
}
