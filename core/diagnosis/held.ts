import { engineWait } from './engine.ts'
import type { Facts, KnownTask, Part, Wait } from './facts.ts'

/** The agent that holds a task, as a part of the path. */
export function agentPart({ agents, alive }: Facts, task: KnownTask): Part {
  const id = task.agent_id ?? ''
  const agent = agents.find((one) => one.id === id)
  if (!agent) return { kind: 'agent', id, state: 'GONE' }
  const { name, state, active, capacity } = agent
  return { kind: 'agent', id, state, name, active, capacity, alive: alive === null ? null : alive.has(id) }
}

/** A task in the hands of an agent: offered, worked on, or waiting for a person. */
export function heldWait(facts: Facts, task: KnownTask): Wait {
  const agent = agentPart(facts, task)
  const name = String(agent.name ?? agent.id)
  const since = task.started_at ?? task.ready_at ?? task.created_at
  const gone = goneWait(facts, task, agent, name, since)
  if (gone) return gone
  if (task.deadline === null || Date.parse(task.deadline) <= Date.parse(facts.now)) {
    const sentence = `The time for attempt ${task.attempt} of "${task.key}" is over: the engine ends it next.`
    return { ...engineWait(facts, 'attempt_over', sentence, task.deadline ?? since), path: [agent] }
  }
  if (task.state === 'AWAITING_INPUT') return approvalWait(task, since)
  const until = task.deadline
  const unknown = facts.alive === null ? ' Whether it lives is not known while Redis is away.' : ''
  if (task.state === 'ASSIGNED') {
    return {
      reason: 'offered',
      sentence: `"${task.key}" is offered to ${name}; it goes to another agent when nobody claims it in time.${unknown}`,
      owner: 'agent',
      since: task.ready_at ?? since,
      until,
      moves: ['The agent claims it.', "The offer's time ends, and it is offered again."],
      path: [agent],
    }
  }
  return {
    reason: 'working',
    sentence: `${name} works on "${task.key}" (attempt ${task.attempt}).${unknown}`,
    owner: 'agent',
    since,
    until,
    moves: ['The agent finishes, fails or hands it back.', "The attempt's time ends, and it is tried again."],
    path: [agent],
  }
}

/** Its agent is away or another process: the engine takes the task from it, and it is offered again. */
function goneWait(facts: Facts, task: KnownTask, agent: Part, name: string, since: string): Wait | null {
  const other = facts.agents.find(({ id }) => id === task.agent_id)
  const why =
    agent.state === 'GONE'
      ? 'was removed'
      : other?.incarnation !== task.agent_incarnation
        ? 'was started anew'
        : agent.state === 'OFFLINE' || agent.alive === false
          ? 'gives no sign of life'
          : null
  if (why === null) return null
  const sentence = `${name}, which held "${task.key}", ${why}: the engine offers the task again, from its last checkpoint.`
  return { ...engineWait(facts, 'agent_lost', sentence, since), path: [agent] }
}

/** A person is asked. What exactly is in the task's own words. */
function approvalWait(task: KnownTask, started: string): Wait {
  const { waiting } = task
  return {
    reason: waiting?.reason ?? 'approval',
    sentence: waiting?.sentence ?? `"${task.key}" waits for an answer. Give it under approvals.`,
    owner: 'operator',
    since: waiting?.since ?? started,
    until: waiting?.until ?? task.deadline,
    moves: ['An operator answers.', 'Its time ends, and the default answer is taken.'],
    path: [{ kind: 'approval', id: task.id, state: 'OPEN', attempt: task.attempt }],
  }
}
