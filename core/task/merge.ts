import { addTask, type Draft, moveTask } from '#core/change/draft'
import { OrchestratorError } from '#core/error'
import { maxTasks } from '#core/plan/plan'
import { failAttempt, unheld } from './end.ts'
import { newTask } from './make.ts'
import { limits, type Task } from './task.ts'
import type { MergeConflict } from './wire.ts'

/**
 * The commits that a task begins with conflict: it waits for the one task that resolves this, made unless another
 * task has met the same. No failure of the task; but where no further task may be made, it FAILs.
 * @throws invalid_input when the conflict is not of accepted commits
 */
export function awaitMerge(draft: Draft, task: Task, conflict: MergeConflict) {
  const joined = acceptedTasks(draft, task, conflict.keys)
  const before = tasksOf(draft).find((other) => joins(draft, other, conflict.keys))
  const refusal = before ? unjoinable(task, before) : noRoom(draft)
  if (refusal !== null) {
    const message = `${conflictOf(conflict)}, and ${refusal}`
    return failAttempt(draft, task, { code: 'merge_conflict', message, retryable: false })
  }
  const merge = before ?? mergeTask(draft, conflict, joined)
  if (!before) addTask(draft, merge)
  const depends_on = [...task.depends_on, merge.key]
  const sentence = `${conflictOf(conflict)}: "${task.key}" waits until "${merge.key}" has joined them.`
  const waiting = { reason: 'merge_conflict', sentence, since: draft.now, until: null }
  const { commits, files } = conflict
  const why = { reason: 'merge_conflict', sentence, merge: merge.key, commits, files }
  const data = { attempt: task.attempt, ...why, depends_on }
  return moveTask(draft, task.id, 'await_merge', { ...unheld, ready_at: null, depends_on, waiting }, data)
}

const tasksOf = (draft: Draft) => [...draft.tasks.values()]

/** Those whose commits a task may begin with: what is COMPLETED, and its parent, which has handed in. */
function acceptedTasks(draft: Draft, { parent_id }: Task, keys: string[]) {
  const isAccepted = ({ id, state, result }: Task) =>
    state === 'COMPLETED' || (id === parent_id && result !== null)
  const found = tasksOf(draft).filter((other) => keys.includes(other.key) && isAccepted(other))
  if (found.length === keys.length) return found
  const message = 'must name different tasks of the session that are COMPLETED'
  const errors = [{ pointer: '/conflict/keys', message }]
  throw new OrchestratorError('invalid_input', 'The conflict is not of accepted commits.', { errors })
}

function joins(draft: Draft, { kind, depends_on, parent_id }: Task, keys: string[]) {
  const parent = draft.tasks.get(parent_id ?? '')
  const joined = parent ? [...depends_on, parent.key] : depends_on
  return kind === 'MERGE' && joined.length === keys.length && keys.every((key) => joined.includes(key))
}

/** A worker that finds a conflict again after it was resolved would find it for ever; and nobody waits for itself. */
function unjoinable(task: Task, before: Task) {
  if (before.id === task.id) return 'this is the task that is to join them.'
  return task.depends_on.includes(before.key)
    ? `it comes again although "${before.key}" has joined them.`
    : null
}

/** Resolutions count as the plan's tasks do. */
function noRoom(draft: Draft) {
  const tasks = tasksOf(draft)
  const merges = tasks.filter(({ kind }) => kind === 'MERGE').length
  if (merges >= limits.merges)
    return `${merges} conflicts of this session were resolved already, which is the most.`
  const most = draft.session.budget.tasks ?? maxTasks
  if (merges + tasks.filter(({ kind }) => kind === 'WORK').length < most) return null
  return `its budget of ${most} tasks leaves none to resolve it: fork the session and raise budget.tasks of the fork.`
}

/**
 * Joins accepted commits that conflict: a task in whose folder the conflict is laid out, with the checks of the
 * tasks whose work it is; the worker puts its own before them, that no marker is left.
 */
function mergeTask(draft: Draft, { keys, commits, files }: MergeConflict, joined: Task[]) {
  const checks = new Map(joined.flatMap((task) => task.checks.map((check) => [check.command, check])))
  // A parent is COMPLETED after all below it: its work is joined below it.
  const parent = joined.find(({ state }) => state !== 'COMPLETED')
  return newTask(draft, {
    key: freeKey(draft, 'merge'),
    kind: 'MERGE',
    title: `Join the work of ${named(keys)}`.slice(0, 200),
    instruction: mergeInstruction(keys, commits, files),
    capability: 'INTEGRATION',
    depends_on: keys.filter((key) => key !== parent?.key),
    parent_id: parent?.id ?? null,
    checks: [...checks.values()].slice(0, limits.checks - 1),
  })
}

/** The first of `merge-1`, `merge-2`, … that no task of the session has. */
function freeKey(draft: Draft, word: string) {
  const taken = new Set([...draft.tasks.values()].map(({ key }) => key))
  let n = 1
  while (taken.has(`${word}-${n}`)) n += 1
  return `${word}-${n}`
}

/** People read it, and the rehearsal model, which looks for the list of files. */
function mergeInstruction(keys: string[], [ours, theirs]: MergeConflict['commits'], files: string[]) {
  return [
    'Accepted commits changed the same lines. They are merged in the current folder up to the conflict:',
    `- ours: ${keys.slice(0, -1).join(', ')} (${ours})\n- theirs: ${keys.at(-1)} (${theirs})`,
    `conflicted files:\n${files.map((file) => `- ${file}`).join('\n')}`,
    'Resolve each conflict so that the intent of both sides is kept, and remove every conflict marker (<<<<<<<, =======, >>>>>>>).',
    'Change nothing else.',
  ].join('\n\n')
}

/** What conflicts, in words; of many keys or files the first. */
function conflictOf({ keys, files }: MergeConflict) {
  const [first = '', ...others] = files
  const where = others.length > 0 ? `${first} and ${others.length} more` : first
  return `The work of ${named(keys)} conflicts in ${where}`
}

/** Keys as a sentence has them: `"a" and "b"`, `"a", "b" and 3 more`. */
function named(keys: string[]) {
  const [first, second, ...more] = keys.map((key) => `"${key}"`)
  return more.length > 0 ? `${first}, ${second} and ${more.length} more` : `${first} and ${second}`
}
