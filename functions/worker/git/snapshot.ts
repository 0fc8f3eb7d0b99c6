import { existsSync } from 'node:fs'
import { authorship, git, gitText } from './run.ts'
import { headOf } from './worktree.ts'

export type Snapshot = { commit: string; tree: string; head: string }

/**
 * Writes what the worktree holds now as a commit on no branch, on top of its HEAD, without touching its
 * index: `index` is a file of our own, kept between snapshots so that unchanged files are not read again.
 */
export async function takeSnapshot(dir: string, index: string, message: string): Promise<Snapshot> {
  const env = { ...authorship(), GIT_INDEX_FILE: index }
  const head = await headOf(dir)
  if (!existsSync(index)) await git(['read-tree', head], { cwd: dir, env })
  // Unreadable files and nested repositories are left out rather than losing the whole snapshot.
  await git(['add', '--all', '--ignore-errors', '--', '.'], {
    cwd: dir,
    env,
    deadline: 120_000,
    codes: [1, 128],
  })
  const tree = await gitText(['write-tree'], { cwd: dir, env })
  const commit = await gitText(['commit-tree', tree, '-p', head, '-m', message], { cwd: dir, env })
  return { commit, tree, head }
}

/** Makes a worktree that stands at a snapshot look as it did: its HEAD the one of then, its files changed. */
export async function openSnapshot(dir: string, snapshot: string): Promise<string> {
  const head = await gitText(['rev-parse', '--verify', `${snapshot}^`], { cwd: dir })
  await git(['reset', '--quiet', head], { cwd: dir, deadline: 120_000 })
  return head
}
