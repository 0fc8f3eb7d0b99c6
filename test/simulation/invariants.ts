import { type Diagnosis, diagnose } from '#core/diagnosis/diagnosis'
import type { Session } from '#core/session/session'
import { isTerminal } from '#core/session/states'
import { isHeld, isTerminal as isTaskTerminal } from '#core/task/states'
import type { Task } from '#core/task/task'
import { lessReserved, nothingReserved, plusReserved } from '#core/usage/budget'
import { countedTokens } from '#core/usage/usage'
import type { Store } from './store.ts'

/** What must be true after every single commit, whatever happened before. */
export function assertStore(store: Store) {
  for (const agent of store.agents.values()) {
    const held = store.heldBy(agent.id)
    must(
      agent.active === held.length,
      `${agent.name} counts ${agent.active} slots and holds ${held.length} tasks`,
    )
    must(agent.active <= agent.capacity, `${agent.name} holds more than it can`)
  }
  for (const session of store.sessions.values()) {
    const tasks = store.tasksOf(session.id)
    const { state, wake_at } = session
    for (const task of tasks) {
      const isWhole = task.agent_id !== null && task.agent_incarnation !== null && task.deadline !== null
      if (isHeld(task.state)) must(isWhole, `${task.key} is ${task.state} and nobody's, or has no deadline`)
      if (task.state === 'READY') must(task.agent_id === null, `${task.key} is READY and has an agent`)
    }
    assertTree(tasks)
    assertBudget(store, session, tasks)
    assertWait(store, session, tasks)
    if (state === 'COMPLETED')
      must(
        tasks.every((task) => task.state === 'COMPLETED'),
        'a session is COMPLETED with an incomplete task',
      )
    if (isTerminal(state))
      must(
        tasks.every((task) => isTaskTerminal(task.state)),
        `${state} with an open task`,
      )
    if (state === 'PAUSED')
      must(!tasks.some((task) => isHeld(task.state)), 'PAUSED while an agent holds a task')
    const waitsForOthers =
      isTerminal(state) || state === 'PENDING' || state === 'PAUSED' || state === 'QUEUED'
    const waitsForFleet = state === 'RUNNING' && tasks.some((task) => task.state === 'READY')
    must(waitsForOthers || waitsForFleet || wake_at !== null, `${state} waits for nothing and nobody`)
  }
}

/** A subtask begins from what its parent has handed in, and ends before it. */
function assertTree(tasks: Task[]) {
  const byId = new Map(tasks.map((task) => [task.id, task]))
  for (const task of tasks) {
    const parent = byId.get(task.parent_id ?? '')
    if (task.state === 'WAITING_CHILDREN')
      must(task.result !== null, `${task.key} waits for its subtasks and has handed nothing in`)
    if (!parent) continue
    const begun = task.state !== 'BLOCKED' && task.state !== 'CANCELLED'
    must(!begun || parent.result !== null, `${task.key} is ${task.state} before ${parent.key} has handed in`)
    const ended = parent.state !== 'COMPLETED' || task.state === 'COMPLETED'
    must(ended, `${parent.key} is COMPLETED and its subtask ${task.key} is ${task.state}`)
  }
}

/** Tokens of one model call of the simulation. */
export const callTokens = 40

/** What is reserved is what the running tasks hold; each of them overshoots by one call at most. */
function assertBudget(
  store: Pick<Store, 'mostPlaces'>,
  { state, budget, usage, reserved }: Session,
  tasks: Task[],
) {
  const none = (task: Task) => JSON.stringify(task.reserved) === JSON.stringify(nothingReserved)
  for (const task of tasks)
    must(isHeld(task.state) || none(task), `${task.key} is ${task.state} and has budget reserved`)
  const sum = tasks.reduce((all, task) => plusReserved(all, task.reserved), nothingReserved)
  const { tokens, cost_usd } = lessReserved(reserved, sum)
  must(
    tokens === 0 && cost_usd === 0,
    `${state} has ${reserved.tokens} tokens reserved, its tasks ${sum.tokens}`,
  )
  if (budget.tokens === null) return
  const most = budget.tokens + callTokens * store.mostPlaces
  must(countedTokens(usage) <= most, `${countedTokens(usage)} of ${budget.tokens} tokens are spent`)
  must(reserved.tokens <= budget.tokens, `${reserved.tokens} of ${budget.tokens} tokens are reserved`)
}

/** Every wait has an owner, a reason and a deadline, or an owner who can move it. */
function assertWait(store: Store, session: Session, tasks: Task[]) {
  const agents = [...store.agents.values()]
  const running = [...store.sessions.values()].filter(
    ({ state }) => state === 'RUNNING' || state === 'PAUSING',
  )
  const queue = {
    before: 0,
    running: running.length,
    limit: store.tenant.max_running_sessions,
    tokens_until: null,
  }
  // Who is silent, nobody knows, somebody does, and nobody is.
  for (const alive of [null, new Set<string>(), new Set(agents.map(({ id }) => id))])
    mustBeWhole(diagnose({ session, tasks, agents, alive, queue, now: store.now }))
}

export function mustBeWhole({ session_id, state, waiting, ended }: Diagnosis) {
  if (isTerminal(state)) return must(waiting === null && ended !== null, `${state} does not say why`)
  if (!waiting) return must(false, `${state} does not say what it waits for`)
  const { owner, reason, sentence, since, until, moves, path } = waiting
  const what = `${state} waits (${reason})`
  must(/^[a-z_]+$/.test(reason) && sentence.length > 10 && moves.length > 0, `${what} without words`)
  must(!Number.isNaN(Date.parse(since)), `${what} since never`)
  must(until !== null || owner === 'operator' || owner === 'fleet', `${what} for its ${owner} for ever`)
  must(path[0]?.kind === 'session' && path[0].id === session_id, `${what} on a path from nowhere`)
  for (const part of path) must(part.id !== '' && part.state !== '', `${what} for something unnamed`)
}

export function must(truth: boolean, otherwise: string) {
  if (!truth) throw new Error(`Invariant: ${otherwise}`)
}
