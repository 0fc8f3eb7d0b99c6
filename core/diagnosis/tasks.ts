import { able, type Candidate, candidatesOf, whyNobody } from '#core/dispatch/route'
import { isHeld, isTerminal } from '#core/task/states'
import { reservedSentence, sliceOf } from '#core/usage/budget'
import { engineWait } from './engine.ts'
import type { Facts, KnownAgent, KnownTask, Part, Wait } from './facts.ts'
import { heldWait } from './held.ts'
import { tokensWait } from './tokens.ts'

/** A path names at most so many tasks: those nearest to what is waited for. */
const maxTasksNamed = 20

/** What a person can act on comes first; what goes on by itself comes last. */
const rankOf = { operator: 0, fleet: 1, engine: 2, timer: 3, agent: 4 } as const

/** The path below a task, and its wait at the end. */
type Found = { tasks: KnownTask[]; wait: Wait }

/** What a RUNNING session waits for: the one of its open tasks that needs somebody most. */
export function taskWait(facts: Facts, path: Part[]): Wait {
  const { session, tasks } = facts
  const since = session.started_at ?? session.queued_at ?? session.created_at
  const open = tasks.filter(({ state }) => !isTerminal(state))
  if (open.length === 0) {
    return { ...engineWait(facts, 'deciding', 'What comes next is decided now.', since), path }
  }
  const look = lookInto(facts, open)
  const found = worst(roots(open).map((task) => look(task)))
  if (!found) return { ...engineWait(facts, 'deciding', 'What comes next is decided now.', since), path }
  const named = found.tasks.slice(-maxTasksNamed).map(taskPart)
  return { ...found.wait, path: [...path, ...named, ...found.wait.path] }
}

function taskPart({ id, key, state, kind: task_kind, attempt, capability }: KnownTask): Part {
  return { kind: 'task', id, state, key, task_kind, attempt, capability }
}

/** Those that no other open task waits for; all of them where a circle leaves none. */
function roots(open: KnownTask[]) {
  const needed = new Set(open.flatMap((task) => (task.state === 'BLOCKED' ? task.depends_on : [])))
  const children = new Set(open.flatMap(({ id, parent_id }) => (parent_id ? [id] : [])))
  const ids = new Set(open.map(({ id }) => id))
  const isChild = (task: KnownTask) => children.has(task.id) && ids.has(task.parent_id ?? '')
  const found = open.filter((task) => !needed.has(task.key) && !isChild(task))
  return found.length > 0 ? found : open
}

function worst(found: (Found | null)[]) {
  const some = found.filter((one) => one !== null)
  return some.reduce<Found | null>((best, one) => (best && rank(best) <= rank(one) ? best : one), null)
}

const rank = ({ wait }: Found) => rankOf[wait.owner]

/** From a task down to what it waits for; each task is looked at once, and one on the way to itself is passed by. */
function lookInto(facts: Facts, open: KnownTask[]) {
  const byKey = new Map(open.map((task) => [task.key, task]))
  const byId = new Map(open.map((task) => [task.id, task]))
  const candidates = candidatesOf(facts.agents.filter(({ id }) => facts.alive?.has(id) ?? true))
  const known = new Map<string, Found | null>()
  const look = (task: KnownTask): Found | null => {
    const before = known.get(task.id)
    if (before !== undefined) return before
    known.set(task.id, null)
    const below =
      task.state === 'BLOCKED'
        ? [...task.depends_on.flatMap((key) => byKey.get(key) ?? []), ...runningParent(byId, task)]
        : task.state === 'WAITING_CHILDREN'
          ? open.filter(({ parent_id }) => parent_id === task.id)
          : []
    const deeper = worst(below.map(look))
    const found = deeper
      ? { tasks: [task, ...deeper.tasks.slice(-maxTasksNamed)], wait: waitBelow(task, deeper.wait) }
      : { tasks: [task], wait: ownWait(facts, candidates, task) }
    known.set(task.id, found)
    return found
  }
  return look
}

/** A task that says itself why it waits, as for a merge conflict, says it before what it waits for. */
function waitBelow({ waiting }: KnownTask, wait: Wait): Wait {
  return waiting ? { ...wait, sentence: `${waiting.sentence} ${wait.sentence}` } : wait
}

/** A subtask begins when its parent has handed in. */
function runningParent(byId: Map<string, KnownTask>, { parent_id }: KnownTask) {
  const parent = byId.get(parent_id ?? '')
  return parent && parent.state !== 'WAITING_CHILDREN' ? [parent] : []
}

function ownWait(facts: Facts, candidates: Candidate<KnownAgent>[], task: KnownTask): Wait {
  if (isHeld(task.state)) return heldWait(facts, task)
  if (task.state === 'READY') return readyWait(facts, candidates, task)
  const sentence = `What "${task.key}" depends on has ended: it goes on with the engine's next step.`
  return { ...engineWait(facts, 'deciding', sentence, task.created_at), path: [] }
}

/** READY: a pause after a failure, an agent that is missing or busy, or the next dispatch. */
function readyWait(facts: Facts, candidates: Candidate<KnownAgent>[], task: KnownTask): Wait {
  const { session, now } = facts
  const since = task.ready_at ?? task.created_at
  const until = task.not_before
  if (until !== null && Date.parse(until) > Date.parse(now)) {
    const sentence = task.waiting?.sentence ?? `The next attempt of "${task.key}" starts after a pause.`
    const timer: Part = { kind: 'timer', id: task.id, state: 'RUNNING', until }
    return {
      reason: 'backoff',
      sentence,
      owner: 'timer',
      since: task.waiting?.since ?? since,
      until,
      moves: ['The pause ends.'],
      path: [timer],
    }
  }
  const { tokens_until } = facts.queue
  if (tokens_until !== null) return tokensWait(facts, [], { since, until: tokens_until })
  const budget = budgetWait(facts, task)
  if (budget) return budget
  const eligible = able(candidates, task, session)
  const others = eligible.filter(({ agent }) => agent.id !== task.failed_agent_id)
  const free = (others.length > 0 ? others : eligible).filter(({ free }) => free > 0)
  const { capability } = task
  const counts = { online: candidates.length, able: eligible.length, free: free.length }
  if (free.length > 0) {
    const part: Part = { kind: 'capability', id: capability, state: 'FREE', ...counts }
    const sentence = `"${task.key}" is ready and an agent with ${capability} is free: it is offered next.`
    return { ...engineWait(facts, 'dispatching', sentence, since), path: [part] }
  }
  const { reason, sentence } = whyNobody(candidates, eligible.length, task, session)
  const busy = eligible.length > 0
  const holders = eligible.slice(0, 5).map(({ agent }) => agent.name)
  const part: Part = { kind: 'capability', id: capability, state: busy ? 'BUSY' : 'MISSING', ...counts }
  return {
    reason,
    sentence,
    owner: 'fleet',
    since,
    until: null,
    moves: busy
      ? ['One of them gets a free slot.', `Another agent with ${capability} registers.`]
      : [`An agent with ${capability} registers.`],
    path: [busy ? { ...part, agents: holders } : part],
  }
}

/** Tasks that run have reserved what is left of the budget: it is theirs until the first of them ends. */
function budgetWait({ session, tasks }: Facts, task: KnownTask): Wait | null {
  if (sliceOf(session)) return null
  const ends = tasks.flatMap(({ state, deadline }) => (isHeld(state) && deadline !== null ? [deadline] : []))
  const [until] = ends.sort((a, b) => Date.parse(a) - Date.parse(b))
  if (until === undefined) return null
  const { id, reserved, budget } = session
  return {
    reason: 'budget_reserved',
    sentence: reservedSentence,
    owner: 'agent',
    since: task.ready_at ?? task.created_at,
    until,
    moves: ['A task that runs ends, and gives back what it has not spent.', 'An operator raises the budget.'],
    path: [{ kind: 'budget', id, state: 'RESERVED', reserved, budget }],
  }
}
