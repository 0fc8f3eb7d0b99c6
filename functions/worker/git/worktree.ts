import { rm } from 'node:fs/promises'
import type { Mirror } from './mirror.ts'
import { git, gitText } from './run.ts'

/** Checks a commit out into a folder of its own, on no branch. */
export async function addWorktree(mirror: Mirror, dir: string, commit: string, signal?: AbortSignal) {
  await removeWorktree(mirror, dir)
  const args = ['worktree', 'add', '--quiet', '--force', '--detach', '--', dir, commit]
  await mirror.locked(() => git(args, { cwd: mirror.dir, deadline: 300_000, signal }))
}

/** Takes the folder away, and the mirror's knowledge of it. Safe when there is none. */
export async function removeWorktree(mirror: Mirror, dir: string) {
  await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  await mirror.locked(() => git(['worktree', 'prune'], { cwd: mirror.dir }))
}

/** The commit that a worktree (or bare repository) stands at. */
export function headOf(dir: string) {
  return gitText(['rev-parse', '--verify', 'HEAD^{commit}'], { cwd: dir })
}

/**
 * Commits everything in the worktree, ignored files aside, on top of where it stands.
 * Returns the commit it then stands at: the same as before when nothing changed.
 */
export async function commitAll(dir: string, message: string): Promise<string> {
  await git(['add', '--all', '--ignore-errors', '--', '.'], { cwd: dir, deadline: 120_000, codes: [1, 128] })
  const staged = await git(['diff', '--cached', '--quiet', '--no-ext-diff'], { cwd: dir, codes: [1] })
  if (staged.code === 1) {
    await git(['commit', '--quiet', '--no-verify', '--cleanup=verbatim', '-m', message], {
      cwd: dir,
      deadline: 120_000,
    })
  }
  return headOf(dir)
}
