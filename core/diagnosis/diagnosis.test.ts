import { describe, expect, it } from 'vitest'
import type { Agent } from '#core/agent/agent'
import type { Session } from '#core/session/session'
import { sessionStates } from '#core/session/states'
import { isHeld, taskStates } from '#core/task/states'
import type { Task } from '#core/task/task'
import { noUsage } from '#core/usage/usage'
import { aHeldTask, anAgent, aSession, aTask, at, deepFreeze } from '../../test/known.ts'
import { mustBeWhole } from '../../test/simulation/invariants.ts'
import { diagnose } from './diagnosis.ts'
import type { Facts } from './facts.ts'

const builder = anAgent('builder')
const now = at(100)

function diagnosed(session: Partial<Session>, tasks: Task[] = [], more: Partial<Facts> = {}) {
  const agents: Agent[] = [builder]
  const queue = { before: 0, running: 0, limit: 200, tokens_until: null }
  const facts = { session: aSession(session), tasks, agents, alive: null, queue, now, ...more }
  return diagnose(deepFreeze(facts))
}

const waitOf = (...given: Parameters<typeof diagnosed>) => diagnosed(...given).waiting
const pathOf = (...given: Parameters<typeof diagnosed>) =>
  waitOf(...given)?.path.map(({ kind, state }) => `${kind} ${state}`)

describe('every wait has an owner, a reason and a deadline, or somebody who can move it', () => {
  const tasksIn = taskStates.flatMap((state) =>
    [true, false].map((alone) => {
      const task = isHeld(state) ? aHeldTask('one', builder, { state }) : aTask('one', { state })
      return {
        state,
        alone,
        tasks: alone ? [task] : [task, aTask('two', { state: 'BLOCKED', depends_on: ['one'] })],
      }
    }),
  )
  it.each(sessionStates)('in a session that is %s, with a task in every state', (state) => {
    const ended = { failure: { code: 'task_failed' as const, message: 'It failed.', task_id: null } }
    const set = { state, settle_by: at(120), ended_at: at(90), ...ended }
    for (const { tasks } of tasksIn)
      for (const agents of [[], [builder], [anAgent('other', { capabilities: ['TESTING'] })]])
        for (const alive of [null, new Set<string>(), new Set([builder.id])])
          mustBeWhole(diagnosed(set, tasks, { agents, alive }))
  })
})

describe('a tree of tasks', () => {
  const result = {
    summary: '',
    commit: 'c',
    artifact_id: null,
    patch_artifact_id: null,
    diff: null,
    checks: [],
  }
  const top = (set: Partial<Task>) => aHeldTask('top', builder, set)
  const below = (parent: Task, set: Partial<Task> = {}) =>
    aTask('part', { parent_id: parent.id, state: 'BLOCKED', ...set })
  const keys = (tasks: Task[]) => waitOf({}, tasks)?.path.flatMap(({ key }) => key ?? [])

  it('whose parent runs waits for it: its subtasks begin from what it hands in', () => {
    const parent = top({})
    const after = aTask('after', { state: 'BLOCKED', depends_on: ['part'] })
    expect(keys([after, parent, below(parent)])).toEqual(['after', 'part', 'top'])
  })

  it('whose parent waits is waited for where its subtasks are', () => {
    const parent = top({ state: 'WAITING_CHILDREN', result })
    const tasks = [parent, below(parent, { state: 'READY' })]
    expect(keys(tasks)).toEqual(['top', 'part'])
    expect(waitOf({}, tasks)).toMatchObject({ reason: 'dispatching', owner: 'engine' })
  })
})

describe('a READY task', () => {
  it('for which no budget is left waits for the first that runs to end, and says that a person may raise it', () => {
    const budget = { tokens: 100, cost_usd: null, seconds: null, tasks: null }
    const session = { budget, usage: { ...noUsage, input_tokens: 90 }, reserved: { tokens: 10, cost_usd: 0 } }
    const held = aHeldTask('one', builder, { deadline: at(300) })
    const wait = waitOf(session, [held, aTask('two')])
    // Of two that go on by themselves the first counts: that one works.
    expect(wait).toMatchObject({ reason: 'working' })
    const tasks = [held, aTask('two'), aTask('three', { state: 'BLOCKED', depends_on: ['two', 'one'] })]
    expect(waitOf(session, tasks.slice(1))).toMatchObject({ owner: 'engine' })
    const behind = waitOf(session, [aTask('two'), held])
    expect(behind).toMatchObject({ reason: 'budget_reserved', owner: 'agent', until: at(300) })
    expect(behind?.moves.join()).toContain('raises the budget')
    expect(behind?.path.at(-1)).toMatchObject({ kind: 'budget', state: 'RESERVED' })
  })
})

describe('a session', () => {
  it('that is PENDING is not started', () => {
    const sentence = 'Not started. Start it when you are ready.'
    expect(waitOf({ state: 'PENDING' })).toMatchObject({ reason: 'not_started', owner: 'operator', sentence })
  })

  it('that is QUEUED waits for the quota, and says how many are before it', () => {
    const place = { before: 2, running: 5, limit: 5 }
    const wait = waitOf({ state: 'QUEUED' }, [], { queue: { ...place, tokens_until: null } })
    expect(wait).toMatchObject({ reason: 'queued', owner: 'fleet', since: at(0) })
    expect(wait?.sentence).toContain('5 of 5 run, 2 are before it')
    expect(wait?.path.at(-1)).toMatchObject({ kind: 'quota', state: 'FULL', ...place })
    expect(waitOf({ state: 'QUEUED' })).toMatchObject({ reason: 'admitting', owner: 'engine' })
  })

  it('that is PAUSING waits for the agent that holds its task, until the grace is over', () => {
    const wait = waitOf({ state: 'PAUSING', settle_by: at(120) }, [aHeldTask('one', builder)])
    expect(wait).toMatchObject({ reason: 'settling', owner: 'agent', since: at(90), until: at(120) })
    expect(wait?.path.map(({ kind }) => kind)).toEqual(['session', 'task', 'agent'])
    expect(wait?.sentence).toContain('builder still holds "one"')
  })

  it('that has spent its budget waits for an operator to raise it', () => {
    const waiting = {
      reason: 'budget_exceeded',
      sentence: 'Its budget is spent.',
      since: at(50),
      until: null,
    }
    const wait = waitOf({ state: 'PAUSED', waiting })
    expect(wait).toMatchObject({ ...waiting, owner: 'operator', moves: ['An operator raises its budget.'] })
    expect(wait?.path.at(-1)).toMatchObject({ kind: 'budget', state: 'SPENT' })
  })

  it('on which the engine fails says so, and when it tries again', () => {
    const wait = waitOf({ step_errors: 2, wake_at: at(110) }, [aTask('one')])
    expect(wait).toMatchObject({ reason: 'engine_failing', owner: 'engine', until: at(110) })
    expect(waitOf({ step_errors: 2, wake_at: at(90) })?.reason).toBe('deciding')
  })

  it('that has ended waits for nothing and says why', () => {
    const failure = { code: 'task_failed' as const, message: 'The check failed.', task_id: null }
    const set = { ended_at: at(90), failure }
    expect(diagnosed({ state: 'FAILED', ...set })).toMatchObject({
      waiting: null,
      ended: { at: at(90), code: 'task_failed', sentence: 'The check failed.' },
    })
    expect(diagnosed({ state: 'STOPPED', ended_at: at(90) }).ended?.code).toBe('stopped')
    expect(diagnosed({ state: 'COMPLETED', ended_at: at(90) }).ended?.code).toBe('completed')
  })
})

describe('a session that is RUNNING', () => {
  it('says which capability nobody has, and how to start an agent with it', () => {
    const agents = ['a', 'b', 'c'].map((name) => anAgent(name))
    const wait = waitOf({}, [aTask('audit', { capability: 'SECURITY_AUDIT' })], { agents })
    expect(wait).toMatchObject({ reason: 'no_agent', owner: 'fleet', until: null })
    expect(wait?.sentence).toMatch(
      /^Waits for an agent with SECURITY_AUDIT: none of 3 online agents has it\. Start one with: .*--capabilities SECURITY_AUDIT/,
    )
    const facts = { kind: 'capability', id: 'SECURITY_AUDIT', state: 'MISSING', online: 3, able: 0 }
    expect(wait?.path.at(-1)).toMatchObject(facts)
  })

  it('goes from what is blocked down to what it depends on', () => {
    const tasks = [
      aHeldTask('one', builder, { started_at: at(10) }),
      aTask('two', { state: 'BLOCKED', depends_on: ['one'] }),
      aTask('three', { state: 'BLOCKED', depends_on: ['two'] }),
    ]
    const wait = waitOf({}, tasks)
    expect(wait).toMatchObject({ reason: 'working', owner: 'agent', since: at(10), until: at(7_200) })
    expect(wait?.path.map(({ key, kind }) => key ?? kind)).toEqual([
      'session',
      'three',
      'two',
      'one',
      'agent',
    ])
  })

  it('goes from a parent down to the child that it waits for', () => {
    const parent = aTask('parent', { state: 'WAITING_CHILDREN' })
    const child = aTask('child', { parent_id: parent.id, capability: 'TESTING' })
    expect(pathOf({}, [parent, child])).toEqual([
      'session RUNNING',
      'task WAITING_CHILDREN',
      'task READY',
      'capability MISSING',
    ])
  })

  it('names what needs a person before what goes on by itself', () => {
    const asked = { reason: 'approval', sentence: 'Asks to run npm publish.', since: at(5), until: at(200) }
    const held = aHeldTask('one', builder)
    const asking = aHeldTask('two', builder, { state: 'AWAITING_INPUT', waiting: asked })
    const pausing = aTask('three', { not_before: at(130) })
    expect(waitOf({}, [held, pausing, asking])).toMatchObject({ ...asked, owner: 'operator' })
    expect(waitOf({}, [held, pausing])).toMatchObject({ reason: 'backoff', owner: 'timer', until: at(130) })
  })

  it('waits for a free agent when all that could are busy, or silent', () => {
    const busy = anAgent('busy', { active: 1 })
    const task = aTask('one')
    expect(waitOf({}, [task], { agents: [busy] })).toMatchObject({ reason: 'agents_busy', owner: 'fleet' })
    expect(waitOf({}, [task])).toMatchObject({ reason: 'dispatching', owner: 'engine' })
    expect(waitOf({}, [task], { alive: new Set() })).toMatchObject({ reason: 'no_agent' })
  })

  it.each([
    ['was removed', { agents: [] }],
    ['was started anew', { agents: [{ ...builder, incarnation: 2 }] }],
    ['gives no sign of life', { agents: [{ ...builder, state: 'OFFLINE' as const }] }],
    ['gives no sign of life', { alive: new Set<string>() }],
  ])('says that its agent %s', (why, more) => {
    const wait = waitOf({}, [aHeldTask('one', builder)], more)
    expect(wait).toMatchObject({ reason: 'agent_lost', owner: 'engine' })
    expect(wait?.sentence).toContain(why)
  })

  it('says that it cannot tell whether an agent lives while Redis is away', () => {
    expect(waitOf({}, [aHeldTask('one', builder)])?.sentence).toContain('Redis is away')
    const alive = new Set([builder.id])
    expect(waitOf({}, [aHeldTask('one', builder)], { alive })?.sentence).not.toContain('Redis')
  })

  it('of a thousand tasks in a row names the last twenty', () => {
    const tasks = Array.from({ length: 1_000 }, (_, i) =>
      i === 0
        ? aTask('t0', { capability: 'X' })
        : aTask(`t${i}`, { state: 'BLOCKED', depends_on: [`t${i - 1}`] }),
    )
    const wait = waitOf({}, tasks)
    expect(wait).toMatchObject({ reason: 'no_agent' })
    expect(wait?.path).toHaveLength(22)
    expect(wait?.path.at(-2)).toMatchObject({ key: 't0' })
  })
})
