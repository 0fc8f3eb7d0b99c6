import type { MergeConflict } from '#core/task/wire'
import { authorship, git, gitText } from './run.ts'
import { headOf } from './worktree.ts'

export type Input = { key: string; commit: string }
export type Conflict = {
  /** What is merged already, in order, and what is not merged yet. */
  merged: Input[]
  left: Input[]
  /** The input that met the conflict, and the files that hold its markers now. */
  input: Input
  files: string[]
}

/**
 * Merges commits in order onto where the worktree stands and stops at the first conflict, which it leaves in the
 * worktree and answers. What another input holds is passed over: a conflict that was resolved does not come again.
 * What needs no merge commit (already in, or a fast-forward) gets none. Equal inputs give equal commits on every worker.
 */
export async function mergeInputs(dir: string, inputs: Input[]): Promise<Conflict | null> {
  const heads = await independent(dir, inputs)
  for (const [i, input] of heads.entries()) {
    const files = await mergeOne(dir, input)
    if (files.length > 0) return { merged: heads.slice(0, i), left: heads.slice(i + 1), input, files }
  }
  return null
}

/**
 * The least that cannot be merged: the first input that conflicts with the one that met the conflict by itself,
 * or all that was merged before it where none does.
 */
export async function narrowest(
  dir: string,
  head: string,
  { merged, input, files }: Conflict,
): Promise<MergeConflict> {
  for (const other of merged) {
    const found = await conflictOf(dir, other.commit, input.commit)
    if (found.length > 0)
      return { keys: [other.key, input.key], commits: [other.commit, input.commit], files: found }
  }
  return { keys: [...merged, input].map(({ key }) => key), commits: [head, input.commit], files }
}

/** The files in which two commits conflict, without a worktree; none where this git (before 2.38) cannot tell. */
async function conflictOf(dir: string, ours: string, theirs: string): Promise<string[]> {
  const args = [
    'merge-tree',
    '--write-tree',
    '--name-only',
    '--no-messages',
    '--allow-unrelated-histories',
    '-z',
  ]
  const { stdout, code } = await git([...args, ours, theirs], {
    cwd: dir,
    deadline: 300_000,
    codes: [1, 128, 129],
  })
  if (code !== 1) return []
  const [_tree, ...names] = stdout.split('\0')
  return names.filter((name) => name !== '')
}

/** The inputs that no other one holds; of equal ones the first. */
async function independent(dir: string, inputs: Input[]): Promise<Input[]> {
  const first = inputs.filter(({ commit }, i) => inputs.findIndex((other) => other.commit === commit) === i)
  if (first.length < 2) return first
  const args = ['merge-base', '--independent', ...first.map(({ commit }) => commit)]
  const heads = new Set((await gitText(args, { cwd: dir, deadline: 300_000 })).split('\n'))
  return first.filter(({ commit }) => heads.has(commit))
}

async function mergeOne(dir: string, input: Input): Promise<string[]> {
  const head = await headOf(dir)
  if (await isAncestor(dir, input.commit, head)) return []
  if (await isAncestor(dir, head, input.commit)) {
    await git(['reset', '--quiet', '--hard', input.commit], { cwd: dir, deadline: 300_000 })
    return []
  }
  const args = [
    'merge',
    '--quiet',
    '--no-ff',
    '--no-commit',
    '--no-rerere-autoupdate',
    '--allow-unrelated-histories',
  ]
  const merged = await git([...args, input.commit], { cwd: dir, deadline: 300_000, codes: [1] })
  if (merged.code === 0) {
    await commitMerge(dir, head, input.commit, `Merge ${input.key}\n\nTask: ${input.key}`)
    return []
  }
  const conflicts = await unmerged(dir)
  if (conflicts.length === 0) throw new Error(`the merge of ${input.key} failed without naming a conflict`)
  return conflicts
}

/** Commits the files as they are, conflicts resolved, as the merge of both commits, and answers it. */
export async function concludeMerge(dir: string, head: string, commit: string, message: string) {
  await git(['add', '--all', '--ignore-errors', '--', '.'], { cwd: dir, deadline: 120_000, codes: [1, 128] })
  return commitMerge(dir, head, commit, message)
}

/** Commits what is staged as the merge of both, dated by the younger parent so that all workers agree. */
async function commitMerge(dir: string, head: string, commit: string, message: string) {
  const tree = await gitText(['write-tree'], { cwd: dir })
  const dates = await gitText(['show', '--no-patch', '--format=%ct', head, commit, '--'], { cwd: dir })
  const date = Math.max(...dates.split(/\s+/).map(Number))
  const args = ['commit-tree', tree, '-p', head, '-p', commit, '-m', message]
  const merge = await gitText(args, { cwd: dir, env: authorship(date) })
  await git(['merge', '--quit'], { cwd: dir })
  await git(['reset', '--quiet', merge], { cwd: dir, deadline: 120_000 })
  return merge
}

async function isAncestor(dir: string, a: string, b: string) {
  return (await git(['merge-base', '--is-ancestor', a, b], { cwd: dir, codes: [1] })).code === 0
}

async function unmerged(dir: string) {
  const { stdout } = await git(['diff', '--name-only', '--diff-filter=U', '-z'], { cwd: dir })
  return stdout.split('\0').filter((name) => name !== '')
}
