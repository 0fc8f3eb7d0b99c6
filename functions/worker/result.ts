import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Assignment, Complete, WorkCheckpoint } from '#core/task/wire'
import type { Client } from './client.ts'
import type { EngineSession, Json } from './engine/engine.ts'
import { diffStat, writeBundle, writePatch } from './git/bundle.ts'
import { concludeMerge } from './git/merge.ts'
import { git, gitText } from './git/run.ts'
import { takeSnapshot } from './git/snapshot.ts'
import { commitAll } from './git/worktree.ts'
import type { Workspace } from './workspace.ts'

type Task = Assignment['task']

/**
 * Commits what the task changed, on top of the commit it started from. Whatever the engine did with git
 * itself (a commit, another branch, a reset), the result contains the start and the files as they are.
 */
export async function commitResult({ directory, progress }: Workspace, task: Task): Promise<string> {
  const message = `${oneLine(task.title)}\n\nTask: ${task.key}`
  if (progress.conflict) return concludeMerge(directory, progress.start, progress.conflict.commit, message)
  const commit = await commitAll(directory, message)
  const args = ['merge-base', '--is-ancestor', progress.start, commit]
  if ((await git(args, { cwd: directory, codes: [1] })).code === 0) return commit
  const tree = await gitText(['rev-parse', `${commit}^{tree}`], { cwd: directory })
  return gitText(['commit-tree', tree, '-p', progress.start, '-m', message], { cwd: directory })
}

function oneLine(text: string) {
  return text.replace(/\s+/g, ' ').trim() || 'Work'
}

type Upload = {
  workspace: Workspace
  state: string
  from: string
  commit: string
  task_id: string
  attempt: number
}

/** Uploads the bundle `base..commit` and the patch `from..commit`; each is null when it would be empty. */
export async function uploadResult(
  client: Client,
  { workspace, state, from, commit, task_id, attempt }: Upload,
  signal: AbortSignal,
): Promise<Pick<Complete, 'artifact_id' | 'patch_artifact_id' | 'diff'>> {
  const { mirror, directory, base } = workspace
  const bundle = join(state, 'result.bundle')
  const patch = join(state, 'result.patch')
  const of = { task_id, attempt }
  const bundled = await writeBundle(mirror, bundle, task_id, base, commit)
  const artifact_id = bundled ? await client.upload({ ...of, kind: 'bundle' }, bundle, signal) : null
  await writePatch(directory, patch, from, commit)
  const changed = (await stat(patch)).size > 0
  const patch_artifact_id = changed ? await client.upload({ ...of, kind: 'patch' }, patch, signal) : null
  return { artifact_id, patch_artifact_id, diff: await diffStat(directory, from, commit) }
}

type Running = { workspace: Workspace; state: string; session: EngineSession | undefined; task: Task }

/** Uploads the files and the engine's memory as of now; what it returns is the checkpoint's record. */
export async function uploadCheckpoint(
  client: Client,
  { workspace, state, session, task }: Running,
  signal: AbortSignal,
): Promise<Pick<WorkCheckpoint, 'artifact_id' | 'commit' | 'engine' | 'size'>> {
  const { mirror, directory, base, progress } = workspace
  const of = { task_id: task.id, attempt: task.attempt }
  const worker: Json = JSON.parse(JSON.stringify(progress))
  // The memory first: files that are newer than it do no harm, a memory of lost files would.
  const memory = await session?.checkpoint()
  const snapshot = await takeSnapshot(directory, join(state, 'snapshot-index'), `Checkpoint of ${task.key}`)
  const bundle = join(state, 'checkpoint.bundle')
  await writeBundle(mirror, bundle, `${task.id}-checkpoint`, base, snapshot.commit)
  const artifact_id = await client.upload({ ...of, kind: 'checkpoint' }, bundle, signal)
  const history = memory && (await client.upload({ ...of, kind: 'history' }, memory.history, signal))
  const size = (await stat(bundle)).size + (memory ? (await stat(memory.history)).size : 0)
  await rm(bundle, { force: true })
  const engine = { ...(memory?.record ?? {}), ...(history ? { history_artifact_id: history } : {}), worker }
  return { artifact_id, commit: snapshot.commit, engine, size }
}
