import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { authorship, git, gitText } from './run.ts'
import { headOf } from './worktree.ts'

export type Input = { key: string; commit: string }
export type Merged = {
  /** How many of the inputs are in; all of them unless there are conflicts. */
  done: number
  /** Files that hold conflict markers now, of input number `done`. */
  conflicts: string[]
}

/**
 * Merges commits in order onto where the worktree stands, from input number `from` on, and stops at the
 * first conflict, which it leaves in the worktree. What needs no merge commit (already in, or a
 * fast-forward) gets none. Equal inputs give equal commits on every worker.
 */
export async function mergeInputs(dir: string, inputs: Input[], from = 0): Promise<Merged> {
  for (const [i, input] of inputs.entries()) {
    if (i < from) continue
    const conflicts = await mergeOne(dir, input)
    if (conflicts.length > 0) return { done: i, conflicts }
  }
  return { done: inputs.length, conflicts: [] }
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
    await commitMerge(dir, head, input)
    return []
  }
  const conflicts = await unmerged(dir)
  if (conflicts.length === 0) throw new Error(`the merge of ${input.key} failed without naming a conflict`)
  return conflicts
}

/**
 * Ends a merge whose conflicts were resolved in the worktree. Returns the files that still hold markers
 * (then nothing is committed), or none.
 */
export async function concludeMerge(dir: string, head: string, input: Input, conflicts: string[]) {
  const left: string[] = []
  for (const file of conflicts) if (await hasMarkers(join(dir, file))) left.push(file)
  if (left.length > 0) return left
  await git(['add', '--all', '--', '.'], { cwd: dir, deadline: 120_000 })
  await commitMerge(dir, head, input)
  return []
}

/** Commits what is staged as the merge of both, dated by the younger parent so that all workers agree. */
async function commitMerge(dir: string, head: string, { key, commit }: Input) {
  const tree = await gitText(['write-tree'], { cwd: dir })
  const dates = await gitText(['show', '--no-patch', '--format=%ct', head, commit, '--'], { cwd: dir })
  const date = Math.max(...dates.split(/\s+/).map(Number))
  const message = `Merge ${key}\n\nTask: ${key}`
  const args = ['commit-tree', tree, '-p', head, '-p', commit, '-m', message]
  const merge = await gitText(args, { cwd: dir, env: authorship(date) })
  await git(['merge', '--quit'], { cwd: dir })
  await git(['reset', '--quiet', merge], { cwd: dir, deadline: 120_000 })
}

async function isAncestor(dir: string, a: string, b: string) {
  return (await git(['merge-base', '--is-ancestor', a, b], { cwd: dir, codes: [1] })).code === 0
}

async function unmerged(dir: string) {
  const { stdout } = await git(['diff', '--name-only', '--diff-filter=U', '-z'], { cwd: dir })
  return stdout.split('\0').filter((name) => name !== '')
}

async function hasMarkers(file: string) {
  const text = await readFile(file, 'utf8').catch(() => '')
  return /^<{7} /m.test(text) && /^>{7} /m.test(text)
}
