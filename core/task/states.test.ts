import { describe, expect, it } from 'vitest'
import { moveTask } from '#core/change/draft'
import { aDraft, aSession, aTask } from '../../test/known.ts'
import {
  isHeld,
  isLegal,
  isTerminal,
  legalActions,
  type TaskAction,
  type TaskState,
  taskStates,
  transitions,
} from './states.ts'

/** What domain.md says, written down a second time: the one place where the table is held to it. */
const expected: Record<TaskState, Partial<Record<TaskAction, TaskState>>> = {
  BLOCKED: { unblock: 'READY', cancel: 'CANCELLED' },
  READY: { assign: 'ASSIGNED', fail: 'FAILED', cancel: 'CANCELLED' },
  ASSIGNED: {
    claim: 'RUNNING',
    decline: 'READY',
    expire: 'READY',
    withdraw: 'READY',
    lose: 'READY',
    fail: 'FAILED',
    cancel: 'CANCELLED',
  },
  RUNNING: {
    ask: 'AWAITING_INPUT',
    await_children: 'WAITING_CHILDREN',
    complete: 'COMPLETED',
    fail_attempt: 'READY',
    fail: 'FAILED',
    lose: 'READY',
    release: 'READY',
    await_merge: 'BLOCKED',
    cancel: 'CANCELLED',
  },
  AWAITING_INPUT: {
    answer: 'RUNNING',
    await_children: 'WAITING_CHILDREN',
    complete: 'COMPLETED',
    fail_attempt: 'READY',
    fail: 'FAILED',
    lose: 'READY',
    release: 'READY',
    cancel: 'CANCELLED',
  },
  WAITING_CHILDREN: { join_children: 'COMPLETED', fail: 'FAILED', cancel: 'CANCELLED' },
  COMPLETED: {},
  FAILED: { revive: 'BLOCKED' },
  CANCELLED: { revive: 'BLOCKED' },
}
const held: TaskState[] = ['ASSIGNED', 'RUNNING', 'AWAITING_INPUT']
const actions = Object.keys(transitions) as TaskAction[]
const holder = { agent_id: 'agt_a', agent_incarnation: 3, attempt: 2 }

describe.each(taskStates)('a task that is %s', (state) => {
  it.each(actions)('takes %s only where the table says so', (action) => {
    const to = expected[state][action]
    const task = aTask('one', { state, ...holder })
    const draft = aDraft(aSession(), [task])
    const move = () => moveTask(draft, task.id, action, {}, {}, '1')
    expect(isLegal(state, action)).toBe(to !== undefined)
    if (to === undefined) {
      const details = { state, action, legal_actions: legalActions(state) }
      expect(move).toThrow(expect.objectContaining({ code: 'illegal_transition', details }))
      expect(draft).toMatchObject({ events: [], slots: [], touched: new Set() })
      expect(draft.tasks.get(task.id)?.state).toBe(state)
      return
    }
    move()
    expect(draft.tasks.get(task.id)?.state).toBe(to)
    expect(draft.events).toMatchObject([{ task_id: task.id, data: { key: 'one', from: state, to } }])
    const gives = held.includes(state) && !held.includes(to)
    const slot = {
      agent_id: 'agt_a',
      incarnation: 3,
      take: 0,
      give: 1,
      outcome: '1',
      capability: task.capability,
    }
    expect(draft.slots).toEqual(gives ? [slot] : [])
  })

  it('lists exactly its legal actions', () => {
    expect(legalActions(state).sort()).toEqual(Object.keys(expected[state]).sort())
  })
})

describe('the states of a task', () => {
  it('end in COMPLETED, FAILED and CANCELLED', () => {
    expect(taskStates.filter(isTerminal).sort()).toEqual(['CANCELLED', 'COMPLETED', 'FAILED'])
  })

  it('hold a slot of an agent while ASSIGNED, RUNNING or AWAITING_INPUT', () => {
    expect(taskStates.filter(isHeld).sort()).toEqual([...held].sort())
  })

  it('can all be reached from the two in which tasks are made', () => {
    const reached = new Set<TaskState>(['BLOCKED', 'READY'])
    for (const state of reached) for (const action of legalActions(state)) reached.add(transitions[action].to)
    expect([...reached].sort()).toEqual([...taskStates].sort())
  })

  it('never leave COMPLETED: what is finished is not run again', () => {
    expect(legalActions('COMPLETED')).toEqual([])
  })
})

describe('a decision', () => {
  it('refuses a task that it does not know', () => {
    expect(() => moveTask(aDraft(aSession()), 'tsk_none', 'assign', {})).toThrow(
      expect.objectContaining({ code: 'internal' }),
    )
  })
})
