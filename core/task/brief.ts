import { unassigned } from './blank.ts'
import type { Task } from './task.ts'

/** Of a task that a decision only looks at: most tasks of a long plan, most of the time. */
export type BriefTask = [
  id: string,
  key: string,
  kind: Task['kind'],
  state: Task['state'],
  parent_id: string | null,
  title: string,
  capability: string,
  depends_on: string[],
  agent_id: string | null,
  error: Task['error'],
]

/** Which tasks those are: nobody had it yet, or it has ended; not a broken one whose own run counts, for its subtasks. */
export const isBrief = /* sql */ `(
  t.state = 'COMPLETED' or t.state in ('FAILED', 'CANCELLED') and t.result is null or t.state = 'BLOCKED' and t.attempt = 0)`

/** The same in SQL, in the same order. */
export const briefColumns =
  't.id, t.key, t.kind, t.state, t.parent_id, t.title, t.capability, t.depends_on, t.agent_id, t.error'

const blank: Task = {
  ...unassigned,
  ...{ tenant_id: '', id: '', session_id: '', parent_id: null, key: '', kind: 'WORK', title: '' },
  ...{ instruction: '', capability: '', depends_on: [], checks: [], priority: 'MEDIUM', state: 'BLOCKED' },
  created_at: '',
}

/** The task with what it has of its session, and without what nobody asks of it. */
export function fromBrief(
  [id, key, kind, state, parent_id, title, capability, depends_on, agent_id, error]: BriefTask,
  session: { tenant_id: string; id: string; priority: Task['priority']; created_at: string },
): Task {
  // A copy that is then set: objects spread into one another cost ten times as much, and there are many of these.
  const task = { ...blank }
  task.tenant_id = session.tenant_id
  task.session_id = session.id
  task.priority = session.priority
  task.created_at = session.created_at
  task.id = id
  task.key = key
  task.kind = kind
  task.state = state
  task.parent_id = parent_id
  task.title = title
  task.capability = capability
  task.depends_on = depends_on
  task.agent_id = agent_id
  task.error = error
  return task
}
