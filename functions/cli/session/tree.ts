import { isHeld } from '#core/task/states'
import { countedTokens } from '#core/usage/usage'
import type { TaskView } from '../api/records.ts'
import { short } from '../follow/status.ts'
import { plain } from '../harmless.ts'
import type { Paint } from '../paint.ts'

/** Depth is limited to 5 by the domain; a parent that is not on the page makes a root. */
const deepest = 8

/** Tasks as a tree, in their order: subtasks are indented below their parent. */
export function taskLines(tasks: TaskView[], paint: Paint): string[] {
  const ids = new Set(tasks.map(({ id }) => id))
  const children = new Map<string, TaskView[]>()
  for (const task of tasks) {
    const parent = task.parent_id && ids.has(task.parent_id) ? task.parent_id : ''
    children.set(parent, [...(children.get(parent) ?? []), task])
  }
  const draw = (parent: string, depth: number): string[] =>
    depth > deepest
      ? []
      : (children.get(parent) ?? []).flatMap((task) => [
          `${'  '.repeat(depth + 1)}${taskLine(task, paint)}`,
          ...draw(task.id, depth + 1),
        ])
  return draw('', 0)
}

function taskLine(task: TaskView, paint: Paint) {
  const why = task.waiting?.sentence ?? task.waiting?.reason ?? task.error?.message ?? ''
  const tokens = countedTokens(task.usage)
  const facts = [
    task.capability,
    task.depends_on.length > 0 ? `after ${task.depends_on.join(', ')}` : '',
    task.attempt > 1 ? `attempt ${task.attempt}` : '',
    task.failures > 0 ? `failures ${task.failures}` : '',
    task.progress?.total ? `subtasks ${task.progress.done}/${task.progress.total}` : '',
    tokens > 0 ? `${short(tokens)} tokens` : '',
    task.agent_id && isHeld(task.state) ? task.agent_id : '',
    task.state === 'COMPLETED' ? '' : why,
  ].filter(Boolean)
  const state = colourOf(task.state, paint)(task.state.padEnd(16))
  return `${state} ${plain(task.key)}  ${plain(task.title)} ${paint.dim(plain(facts.join(' · ')))}`
}

function colourOf(state: TaskView['state'], paint: Paint) {
  if (state === 'COMPLETED') return paint.green
  if (state === 'FAILED' || state === 'CANCELLED') return paint.red
  return isHeld(state) ? paint.cyan : paint.dim
}
