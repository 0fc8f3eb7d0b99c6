import { isTerminal } from '#core/task/states'
import type { CapabilityLoad, TaskLine, TaskTree } from '../../api/types.ts'
import { words } from '../../parts/format.ts'

/** A task with where it stands in the tree, and how many others cannot go on before it has ended. */
export type Placed = TaskLine & { depth: number; holds: number }

/** Depth below the root, and what waits for what; a parent that was not told counts as none. */
export function placeTasks(tasks: readonly TaskLine[]): Placed[] {
  const depths = new Map<string, number>()
  for (const { id, parent_id } of tasks) {
    const above = parent_id === null ? undefined : depths.get(parent_id)
    depths.set(id, above === undefined ? 0 : above + 1)
  }
  const waiters = waitersOf(tasks)
  return tasks.map((task) => {
    const holds = isTerminal(task.state) ? 0 : reach(task.id, waiters).size
    return { ...task, depth: depths.get(task.id) ?? 0, holds }
  })
}

/** Who waits directly for whom, of what has not ended: by dependency, and a parent for its children. */
function waitersOf(tasks: readonly TaskLine[]) {
  const open = tasks.filter(({ state }) => !isTerminal(state))
  const byKey = new Map(open.map((task) => [task.key, task.id]))
  const waiters = new Map<string, string[]>()
  const wait = (on: string | undefined, who: string) => {
    if (on !== undefined) waiters.set(on, [...(waiters.get(on) ?? []), who])
  }
  for (const { id, state, depends_on, parent_id } of open) {
    if (state === 'BLOCKED') for (const key of depends_on) wait(byKey.get(key), id)
    if (parent_id && open.some((one) => one.id === parent_id && one.state === 'WAITING_CHILDREN'))
      wait(id, parent_id)
  }
  return waiters
}

function reach(from: string, waiters: ReadonlyMap<string, readonly string[]>) {
  const reached = new Set<string>()
  const next = [from]
  for (let id = next.pop(); id !== undefined; id = next.pop()) {
    for (const one of waiters.get(id) ?? []) {
      if (one === from || reached.has(one)) continue
      reached.add(one)
      next.push(one)
    }
  }
  return reached
}

/** What of a task is told: a sentence, and whether it needs somebody. */
export type Standing = { sentence: string; kind: 'calm' | 'short' | 'failed' | 'asks' }

/** Where a task stands, in words: what it waits for, who has it, or why it ended so. */
export function standingOf(
  task: TaskLine,
  { session, tasks }: Pick<TaskTree, 'session' | 'tasks'>,
  loads: readonly CapabilityLoad[] | undefined,
): Standing {
  const calm = (sentence: string): Standing => ({ sentence, kind: 'calm' })
  const agent = task.agent_name ?? task.agent_id ?? 'an agent that is gone'
  switch (task.state) {
    case 'BLOCKED':
      return calm(`waits for ${listOf(unfinished(task, tasks))}`)
    case 'READY':
      return readyStanding(task, session.state, loads)
    case 'ASSIGNED':
      return calm(`offered to ${agent}`)
    case 'RUNNING':
      return calm(`${agent} works on it`)
    case 'AWAITING_INPUT':
      return { sentence: askedOf(task.waiting?.sentence) ?? `${agent} asks a person`, kind: 'asks' }
    case 'WAITING_CHILDREN': {
      const open = tasks.filter(({ parent_id, state }) => parent_id === task.id && !isTerminal(state))
      return calm(`waits for ${open.length === 0 ? 'its children' : listOf(open.map(({ key }) => key))}`)
    }
    case 'COMPLETED':
      return calm(task.agent_name ? `done by ${task.agent_name}` : 'done')
    default:
      return {
        sentence: task.error?.message ?? words(task.state),
        kind: task.state === 'FAILED' ? 'failed' : 'calm',
      }
  }
}

/** What is asked, without the command that answers it: the page has buttons for that. */
function askedOf(sentence: string | undefined) {
  return sentence?.split(' · npx orchestrator')[0]
}

function readyStanding(
  task: TaskLine,
  session: string,
  loads: readonly CapabilityLoad[] | undefined,
): Standing {
  const { capability, waiting } = task
  if (session !== 'RUNNING') return { sentence: `its session is ${words(session)}`, kind: 'calm' }
  if (waiting) return { sentence: waiting.sentence, kind: waiting.reason === 'no_agent' ? 'short' : 'calm' }
  if (loads === undefined) return { sentence: `waits for an agent with ${capability}`, kind: 'calm' }
  const load = loads.find((one) => one.capability === capability)
  if (!load || load.agents === 0) return { sentence: `no agent online has ${capability}`, kind: 'short' }
  if (load.free === 0)
    return { sentence: `waits for a free slot: those with ${capability} are in use`, kind: 'calm' }
  return { sentence: `waits to be offered to an agent with ${capability}`, kind: 'calm' }
}

/** What it depends on and has not completed; what is not told may be further down. */
function unfinished({ depends_on }: TaskLine, tasks: readonly TaskLine[]) {
  const done = new Set(tasks.filter(({ state }) => state === 'COMPLETED').map(({ key }) => key))
  const left = depends_on.filter((key) => !done.has(key))
  return left.length > 0 ? left : ['the next step']
}

const mostNamed = 4

function listOf(names: readonly string[]) {
  const more = names.length - mostNamed
  const named = more > 0 ? [...names.slice(0, mostNamed), `${more} more`] : names
  return new Intl.ListFormat('en').format(named)
}

/** How long it waited for an agent, and how long it was worked on, in ms; null where neither has begun. */
export function timesOf({ ready_at, started_at, ended_at, state }: TaskLine, now: number) {
  const at = (time: string | null) => (time === null ? null : Date.parse(time))
  const [ready, started, ended] = [at(ready_at), at(started_at), at(ended_at)]
  const isQueued = state === 'READY' || state === 'ASSIGNED'
  const isWorked = state === 'RUNNING' || state === 'AWAITING_INPUT'
  const waited =
    ready === null
      ? null
      : isQueued
        ? now - ready
        : started === null || started < ready
          ? null
          : started - ready
  const worked =
    started === null || isQueued ? null : isWorked ? now - started : ended === null ? null : ended - started
  return { waited, worked }
}

/** What went wrong on the way: `2 failed · 1 lost`. */
export function troubleOf({ failures, losses }: Pick<TaskLine, 'failures' | 'losses'>) {
  return [failures > 0 && `${failures} failed`, losses > 0 && `${losses} lost`].filter(Boolean).join(' · ')
}
