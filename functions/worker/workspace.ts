import { join } from 'node:path'
import type { Assignment, MergeConflict } from '#core/task/wire'
import type { Client } from './client.ts'
import { readBundle } from './git/bundle.ts'
import { type Conflict, mergeInputs, narrowest } from './git/merge.ts'
import {
  emptyRoot,
  fetchCommit,
  fetchMirror,
  hasCommit,
  type Mirror,
  type Mirrors,
  resolveBase,
} from './git/mirror.ts'
import { openSnapshot } from './git/snapshot.ts'
import { RepositoryUnavailable } from './git/unavailable.ts'
import { addWorktree, headOf } from './git/worktree.ts'
import { type Log, reasonOf } from './log.ts'
import { type Progress, progressOf } from './progress.ts'
import { storable } from './text.ts'

export type Workspace = {
  mirror: Mirror
  /** The worktree: an absolute path that is the same for every attempt at this task in this home. */
  directory: string
  base: string
  progress: Progress
  /** Whether its files are those of an earlier attempt's checkpoint. */
  restored: boolean
  /** What keeps the work from beginning: accepted commits that do not merge. */
  conflict: MergeConflict | null
}

export type WorkspaceOptions = {
  assignment: Assignment
  client: Client
  mirrors: Mirrors
  home: string
  state: string
  signal: AbortSignal
  log: Log
}

/**
 * Makes the folder that a task is worked on in: its repository's mirror up to date, the accepted commits
 * it builds on merged, or the files of the last checkpoint restored. A conflict is laid out for the MERGE task
 * that is to resolve it; for any other it is answered, and nothing can be done in the folder.
 * Throws RepositoryUnavailable.
 */
export async function prepareWorkspace(options: WorkspaceOptions): Promise<Workspace> {
  const { assignment, mirrors, home, signal } = options
  const mirror = await mirrors.open(assignment.session.repository?.url ?? null)
  const base = await bringBase(mirror, options)
  for (const { key, commit, artifact_id } of assignment.inputs) {
    await bring(mirror, commit, artifact_id, `the work of "${key}"`, options)
  }
  const directory = join(home, 'work', assignment.task.id)
  const restored = await restore(mirror, directory, options)
  if (restored) return { mirror, directory, base, progress: restored, restored: true, conflict: null }
  await addWorktree(mirror, directory, base, signal)
  const met = await mergeInputs(directory, assignment.inputs)
  const start = await headOf(directory)
  // One that comes before the last is another's: it is resolved first.
  const mine = assignment.task.kind === 'MERGE' && met?.left.length === 0
  const progress: Progress = {
    start,
    conflict: met && mine ? { commit: met.input.commit, files: met.files } : null,
    delivered: assignment.messages.map(({ id }) => id),
    turn: null,
    done: [],
    plan: null,
  }
  const conflict = met && !mine ? await toReport(directory, start, met) : null
  return { mirror, directory, base, progress, restored: false, conflict }
}

/** A conflict as the control plane takes it. */
async function toReport(directory: string, start: string, met: Conflict): Promise<MergeConflict> {
  const { keys, commits, files } = await narrowest(directory, start, met)
  return { keys, commits, files: files.slice(0, 40).map((file) => storable(file.slice(0, 400))) }
}

async function bringBase(mirror: Mirror, options: WorkspaceOptions): Promise<string> {
  const { assignment, signal } = options
  const pinned = assignment.base_commit
  if (mirror.url === null) await emptyRoot(mirror)
  if (pinned !== null && (await hasCommit(mirror, pinned))) return pinned
  const problem = await fetchMirror(mirror, signal).then(
    () => undefined,
    (error) => error,
  )
  signal.throwIfAborted()
  if (pinned === null) {
    if (problem) throw problem
    return resolveBase(mirror, assignment.session.repository?.base ?? null, signal)
  }
  if (await hasCommit(mirror, pinned)) return pinned
  if (!problem && (await fetchCommit(mirror, pinned, signal)) && (await hasCommit(mirror, pinned)))
    return pinned
  if (problem && assignment.base_artifact_id === null) throw problem
  await bring(
    mirror,
    pinned,
    assignment.base_artifact_id,
    'the commit that the session started from',
    options,
  )
  return pinned
}

/** Makes sure that the mirror holds a commit, from its bundle when it does not. */
async function bring(
  mirror: Mirror,
  commit: string,
  artifact: string | null,
  what: string,
  { client, state, signal }: WorkspaceOptions,
) {
  if (await hasCommit(mirror, commit)) return
  if (artifact !== null) {
    const file = join(state, `${artifact}.bundle`)
    await client.download(artifact, file, signal)
    await readBundle(mirror, file, artifact)
    if (await hasCommit(mirror, commit)) return
  }
  throw new RepositoryUnavailable(
    `Neither the repository nor a bundle holds ${what} (${commit.slice(0, 12)}).`,
    false,
  )
}

/** Restores the last checkpoint. What cannot be restored is begun anew, and said. */
async function restore(mirror: Mirror, directory: string, options: WorkspaceOptions) {
  const { resume } = options.assignment
  const progress = progressOf(resume?.engine.worker)
  if (!resume?.commit || !progress) return undefined
  try {
    await bring(mirror, resume.commit, resume.artifact_id, 'the checkpoint', options)
    await addWorktree(mirror, directory, resume.commit, options.signal)
    await openSnapshot(directory, resume.commit)
    return progress
  } catch (error) {
    options.signal.throwIfAborted()
    options.log('checkpoint_not_restored', { number: resume.number, reason: reasonOf(error) }, 'warn')
    return undefined
  }
}
