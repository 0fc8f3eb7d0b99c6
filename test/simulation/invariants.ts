import { isTerminal } from '#core/session/states'
import { isHeld, isTerminal as isTaskTerminal } from '#core/task/states'
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

export function must(truth: boolean, otherwise: string) {
  if (!truth) throw new Error(`Invariant: ${otherwise}`)
}
