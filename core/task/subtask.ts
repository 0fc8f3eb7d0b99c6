import { isDeepStrictEqual } from 'node:util'
import type { Worker } from '#core/actor'
import { change } from '#core/change/change'
import { addTask, type Draft } from '#core/change/draft'
import { type FieldError, notFound, OrchestratorError } from '#core/error'
import { circleIn, circleMessage, maxTasks, type PlannedTask, reservedKeys } from '#core/plan/plan'
import type { Services } from '#core/services'
import { newTask } from './make.ts'
import type { Task } from './task.ts'
import { ancestorsOf, isBroken, maxDepth } from './tree.ts'
import type { NewSubtasks, SubtasksAnswer } from './wire.ts'
import { staleAttempt } from './work.ts'

/**
 * Adds tasks below one that runs. They begin from its commit once it is handed in; it is COMPLETED when they are.
 * What was added before by the same words is answered as it stands, so that a repeated call is safe.
 * @throws not_found, stale_attempt; subtask_invalid with a pointer for each fault
 */
export async function addSubtasks(
  services: Services,
  worker: Worker,
  id: string,
  body: NewSubtasks,
): Promise<SubtasksAnswer> {
  const { tenant_id } = worker
  const draft = await change(
    services,
    `task ${id}`,
    async () => {
      const known = await services.load.task(tenant_id, id)
      return known && services.load.session(tenant_id, known.session.id)
    },
    (draft) => decide(draft, worker, id, body),
  )
  const keys = body.tasks.map(({ key }) => key)
  const named = [...draft.tasks.values()].filter(({ key }) => keys.includes(key))
  return { items: named.map(({ id, key, state }) => ({ id, key, state })) }
}

function decide(draft: Draft, worker: Worker, id: string, { attempt, tasks }: NewSubtasks) {
  const parent = draft.tasks.get(id)
  if (!parent) throw notFound('task', id)
  assertRuns(parent, worker, attempt)
  const errors = faultsOf(draft, parent, tasks)
  if (errors.length > 0) throw refused(errors)
  // They wait for the hand-in: until then there is nothing for the engine to do.
  draft.quiet = true
  const byKey = keyed(draft)
  for (const planned of tasks)
    if (!byKey.has(planned.key)) addTask(draft, newTask(draft, { ...planned, kind: 'WORK', parent_id: id }))
}

/** The fence: its agent, its attempt, and its run is not over. */
function assertRuns(task: Task, worker: Worker, attempt: number) {
  const holds = task.agent_id === worker.agent_id && task.attempt === attempt
  if (!holds || (task.state !== 'RUNNING' && task.state !== 'AWAITING_INPUT'))
    throw staleAttempt(task, attempt)
}

function refused(errors: FieldError[]) {
  const first = errors.slice(0, 3).map(({ pointer, message }) => `${pointer} ${message}`)
  const rest = errors.length > 3 ? `; and ${errors.length - 3} more` : ''
  const message = `The subtasks cannot be added as they are: ${first.join('; ')}${rest}.`
  return new OrchestratorError('subtask_invalid', message, { errors })
}

const keyed = (draft: Draft) => new Map([...draft.tasks.values()].map((task) => [task.key, task]))

function faultsOf(draft: Draft, parent: Task, tasks: PlannedTask[]): FieldError[] {
  if (parent.kind !== 'WORK')
    return [{ pointer: '/tasks', message: `belong to tasks of the plan; this one is of kind ${parent.kind}` }]
  const byKey = keyed(draft)
  const isNew = ({ key }: PlannedTask) => !byKey.has(key)
  const errors = [
    ...tooDeep(draft, parent),
    ...tooMany(draft, tasks.filter(isNew).length),
    ...badKeys(byKey, parent, tasks),
    ...badDependencies(byKey, tasks),
  ]
  return errors.length > 0 ? errors : circles(draft, parent, tasks.filter(isNew))
}

function tooDeep(draft: Draft, parent: Task) {
  const depth = ancestorsOf(draft, parent).length + 2
  if (depth <= maxDepth) return []
  const message = `would be at level ${depth} of the tree, at most ${maxDepth} are allowed; do the work in this task`
  return [{ pointer: '/tasks', message }]
}

function tooMany(draft: Draft, added: number) {
  const limit = draft.session.budget.tasks ?? maxTasks
  const present = [...draft.tasks.values()].filter(({ kind }) => kind === 'WORK').length
  if (added === 0 || present + added <= limit) return []
  const message = `are ${added} more, but the session has ${present} of at most ${limit} tasks (budget.tasks); do the work in this task`
  return [{ pointer: '/tasks', message }]
}

function badKeys(byKey: Map<string, Task>, parent: Task, tasks: PlannedTask[]) {
  const seen = new Set<string>(Object.values(reservedKeys))
  return tasks.flatMap((planned, i) => {
    const before = byKey.get(planned.key)
    const isFree = !before || (before.parent_id === parent.id && isSame(before, planned))
    const taken = seen.has(planned.key) || !isFree
    seen.add(planned.key)
    if (!taken) return []
    const message = `"${planned.key}" is taken in this session; choose another key`
    return [{ pointer: `/tasks/${i}/key`, message }]
  })
}

function isSame(task: Task, { title, instruction, capability, depends_on, checks }: PlannedTask) {
  const words = [task.title, task.instruction, task.capability, task.depends_on, task.checks]
  return isDeepStrictEqual(words, [title, instruction, capability, depends_on, checks])
}

function badDependencies(byKey: Map<string, Task>, tasks: PlannedTask[]) {
  const keys = new Set(tasks.map(({ key }) => key))
  return tasks.flatMap(({ key: own, depends_on }, i) =>
    depends_on.flatMap((key, j) => {
      const task = byKey.get(key)
      const message =
        task?.kind === 'WORK' && isBroken(task)
          ? `"${key}" is ${task.state} and would never be done; leave it out`
          : `no task of this session has the key "${key}"; name one that is there, or add it in this call`
      const isFine = byKey.has(own) || keys.has(key) || (task?.kind === 'WORK' && !isBroken(task))
      return isFine ? [] : [{ pointer: `/tasks/${i}/depends_on/${j}`, message }]
    }),
  )
}

/** In the whole session: a task needs what it and those above it depend on, and all below it. */
function circles(draft: Draft, parent: Task, added: PlannedTask[]) {
  const tasks = [...draft.tasks.values()]
  const needs = new Map(
    tasks.map((task) => {
      const above = ancestorsOf(draft, task).flatMap(({ depends_on }) => depends_on)
      return [task.key, [...task.depends_on, ...above]]
    }),
  )
  const inherited = needs.get(parent.key) ?? []
  for (const { key, depends_on } of added) needs.set(key, [...depends_on, ...inherited])
  for (const { key, parent_id } of tasks) {
    const above = parent_id === null ? undefined : draft.tasks.get(parent_id)
    if (above) needs.get(above.key)?.push(key)
  }
  needs.get(parent.key)?.push(...added.map(({ key }) => key))
  const circle = circleIn(needs)
  if (circle.length === 0) return []
  const message = `${circleMessage(circle)}; leave out the dependency on what waits for this task`
  return [{ pointer: '/tasks', message }]
}
