import { describe, expect, it } from 'vitest'
import type { Draft, Known } from '#core/change/draft'
import { isTerminal } from '#core/session/states'
import { isHeld } from '#core/task/states'
import { limits, type Task } from '#core/task/task'
import { noBudget } from '#core/usage/budget'
import { noUsage } from '#core/usage/usage'
import {
  aHeldTask,
  anAgent,
  aSession,
  aTask,
  at,
  deepFreeze,
  holdersOf,
  known,
  planOf,
  taskNamed,
  typesOf,
} from '../../test/known.ts'
import { advance, giveUp, type Holders } from './advance.ts'
import { graceMs } from './limits.ts'
import type { Session } from './session.ts'

const agent = anAgent('a')
const grace = graceMs / 1000

/**
 * Decides with frozen knowledge, twice: the inputs stay as they were, both decisions are the same but for new
 * ids, and no deadline that a decision leaves is already over.
 */
function decide(what: Known, holders: Holders = holdersOf(agent)) {
  deepFreeze(what)
  const draft = advance(what, holders)
  expect(anonymous(advance(what, holders))).toBe(anonymous(draft))
  const { wake_at } = draft.session
  if (wake_at !== null) expect(Date.parse(wake_at)).toBeGreaterThan(Date.parse(what.now))
  return draft
}

const anonymous = (draft: Draft) => {
  const shape = { ...draft, tasks: [...draft.tasks.values()], touched: draft.touched.size }
  return JSON.stringify(shape).replaceAll(/(tsk|inb)_[0-9A-HJKMNP-TV-Z]{26}/g, '$1')
}

const statesOf = (draft: Draft) =>
  Object.fromEntries([...draft.tasks.values()].map(({ key, state }) => [key, state]))
const running = (tasks: Task[], set: Partial<Session> = {}, seconds = 0) =>
  known(aSession({ plan: planOf(['one']), ...set }), tasks, seconds)
const done = (key: string, set: Partial<Task> = {}) => aTask(key, { state: 'COMPLETED', ...set })

describe('the first tasks', () => {
  it('are those of a given plan: READY what depends on nothing, BLOCKED the rest', () => {
    const plan = planOf(['one'], ['two', 'one'], ['three'])
    const draft = decide(known(aSession({ plan, priority: 'HIGH' }), []))
    expect(statesOf(draft)).toEqual({ one: 'READY', two: 'BLOCKED', three: 'READY' })
    expect(draft).toMatchObject({ trigger: 'PLAN_ACCEPTED' })
    expect(taskNamed(draft, 'two')).toMatchObject({ priority: 'HIGH', kind: 'WORK', ready_at: null })
    expect(typesOf(draft)).toEqual(['task.created', 'task.created', 'task.created'])
  })

  it('are the Architect’s alone when no plan is given', () => {
    const draft = decide(known(aSession(), []))
    expect(taskNamed(draft, 'plan')).toMatchObject({ kind: 'PLAN', capability: 'PLANNING', state: 'READY' })
    expect(draft.tasks.size).toBe(1)
  })

  it('are not made twice', () => {
    const draft = decide(known(aSession(), [aTask('plan', { kind: 'PLAN' })]))
    expect(draft).toMatchObject({ events: [], sessionTouched: false, touched: new Set() })
  })

  it('of an accepted plan follow the Architect’s', () => {
    const result = {
      summary: '',
      commit: null,
      artifact_id: null,
      patch_artifact_id: null,
      diff: null,
      checks: [],
      plan: planOf(['one'], ['two', 'one']),
    }
    const draft = decide(known(aSession(), [done('plan', { kind: 'PLAN', result })]))
    expect(statesOf(draft)).toEqual({ plan: 'COMPLETED', one: 'READY', two: 'BLOCKED' })
    expect(draft.trigger).toBe('PLAN_ACCEPTED')
  })
})

describe('a task', () => {
  it('that depended on what is COMPLETED now is READY, from now', () => {
    const draft = decide(
      running(
        [
          done('one'),
          aTask('two', { state: 'BLOCKED', depends_on: ['one'], ready_at: null }),
          aTask('three', { state: 'BLOCKED', depends_on: ['one', 'two'], ready_at: null }),
        ],
        {},
        5,
      ),
    )
    expect(statesOf(draft)).toEqual({ one: 'COMPLETED', two: 'READY', three: 'BLOCKED' })
    expect(taskNamed(draft, 'two').ready_at).toBe(at(5))
  })

  it('whose dependency failed is CANCELLED with its name, and so on down the line', () => {
    const draft = decide(
      running([
        aTask('three', { state: 'BLOCKED', depends_on: ['two'] }),
        aTask('two', { state: 'BLOCKED', depends_on: ['one'] }),
        aTask('one', { state: 'FAILED', error: { code: 'check_failed', message: 'exit 1' } }),
        aHeldTask('other', agent),
      ]),
    )
    expect(taskNamed(draft, 'two').error?.message).toBe('It depends on "one", which is FAILED.')
    expect(taskNamed(draft, 'three').error?.message).toBe('It depends on "two", which is CANCELLED.')
    expect(draft.session.state).toBe('RUNNING')
  })

  it.each([
    ['its agent gave no sign of life', holdersOf({ ...agent, state: 'OFFLINE' })],
    ['its agent was started anew', holdersOf({ ...agent, incarnation: 2 })],
    ['its agent was removed', holdersOf()],
  ] as const)('is lost when %s', (cause, holders) => {
    const work = { number: 7, artifact_id: null, commit: null, engine: {} }
    const draft = decide(running([aHeldTask('one', agent, { work, last_batch: 4 })], {}, 9), holders)
    expect(taskNamed(draft, 'one')).toMatchObject({
      state: 'READY',
      losses: 1,
      failures: 0,
      attempt: 1,
      agent_id: null,
      agent_incarnation: null,
      deadline: null,
      last_batch: 0,
      work,
      ready_at: at(9),
    })
    expect(draft.events).toMatchObject([{ type: 'task.lost', data: { cause, checkpoint: 7 } }])
    expect(draft.slots).toMatchObject([{ agent_id: agent.id, give: 1, take: 0, outcome: '' }])
    expect(draft.trigger).toBe('RECOVERY')
  })

  it('stays with an agent that is DRAINING, but an offer to it is withdrawn', () => {
    const offered = aHeldTask('two', agent, { state: 'ASSIGNED', deadline: at(30) })
    const draft = decide(
      running([aHeldTask('one', agent), offered]),
      holdersOf({ ...agent, state: 'DRAINING' }),
    )
    expect(statesOf(draft)).toEqual({ one: 'RUNNING', two: 'READY' })
    expect(draft.events).toMatchObject([{ data: { action: 'withdraw', reason: 'drain' } }])
  })

  it('that was lost as often as is allowed FAILs, and its session says agent_lost', () => {
    const task = aHeldTask('one', agent, { losses: limits.losses - 1 })
    const draft = decide(running([task]), holdersOf())
    expect(taskNamed(draft, 'one')).toMatchObject({ state: 'FAILED', error: { code: 'agent_lost' } })
    expect(draft.session).toMatchObject({ state: 'FAILED', failure: { code: 'agent_lost' } })
    expect(draft.slots).toHaveLength(1)
  })

  it('that nobody claimed in time is offered again, and no attempt is counted', () => {
    const task = aHeldTask('one', agent, { state: 'ASSIGNED', deadline: at(30) })
    expect(decide(running([task], {}, 29)).touched.size).toBe(0)
    const draft = decide(running([task], {}, 30))
    expect(taskNamed(draft, 'one')).toMatchObject({ state: 'READY', failures: 0, agent_id: null })
    expect(draft.session.attempts_finished).toBe(0)
    expect(draft.slots).toMatchObject([{ give: 1, outcome: '' }])
  })

  it.each(['RUNNING', 'AWAITING_INPUT'] as const)(
    '%s past its deadline is stopped and tried again',
    (state) => {
      const draft = decide(running([aHeldTask('one', agent, { state, deadline: at(60) })], {}, 60))
      const wait = limits.backoff_ms(1) / 1000
      expect(taskNamed(draft, 'one')).toMatchObject({
        state: 'READY',
        failures: 1,
        failed_agent_id: agent.id,
        not_before: at(60 + wait),
        waiting: { reason: 'backoff', until: at(60 + wait) },
        error: { code: 'timeout' },
      })
      expect(draft.inbox).toMatchObject([{ kind: 'INTERRUPT', attempt: 1, data: { reason: 'timeout' } }])
      expect(draft.session).toMatchObject({
        wake_at: at(60 + wait),
        attempts_finished: 1,
        attempts_succeeded: 0,
      })
    },
  )

  it('that failed as often as is allowed FAILs its session with its own words', () => {
    const task = aHeldTask('one', agent, { failures: limits.failures - 1, deadline: at(1) })
    const draft = decide(running([task], {}, 1))
    expect(draft.session).toMatchObject({
      state: 'FAILED',
      failure: { code: 'task_failed', task_id: task.id },
      ended_at: at(1),
      wake_at: null,
    })
    expect(draft.session.failure?.message).toMatch(/"Do one" ended FAILED after 3 attempts: The attempt took/)
  })

  it('waits longer after each failure, at most a minute', () => {
    expect([1, 2, 3, 10].map(limits.backoff_ms)).toEqual([2_000, 4_000, 8_000, 60_000])
  })
})

describe('the end of a session', () => {
  const result = {
    summary: 'Done.',
    commit: 'c'.repeat(40),
    artifact_id: 'art_x',
    patch_artifact_id: null,
    diff: { files: 1, insertions: 2, deletions: 3 },
    checks: [],
    branch: 'orchestrator/x',
    push_reason: undefined,
  }

  it('is an integration once all its work is COMPLETED', () => {
    const draft = decide(running([done('one'), done('two')]))
    expect(taskNamed(draft, 'integrate')).toMatchObject({ kind: 'INTEGRATION', state: 'READY' })
    expect(draft.session.state).toBe('RUNNING')
  })

  it('is not made while any task is open', () => {
    for (const state of ['READY', 'ASSIGNED', 'RUNNING', 'AWAITING_INPUT'] as const) {
      const draft = decide(running([done('one'), aHeldTask('two', agent, { state })]))
      expect(draft.tasks.size, state).toBe(2)
    }
  })

  it('is COMPLETED with the integration’s result', () => {
    const last = done('integrate', { kind: 'INTEGRATION', result })
    const draft = decide(running([done('one', { result }), last], {}, 3))
    expect(draft.session).toMatchObject({
      state: 'COMPLETED',
      ended_at: at(3),
      wake_at: null,
      result: {
        summary: 'Do one: Done.',
        branch: 'orchestrator/x',
        commit: result.commit,
        artifact_id: 'art_x',
      },
    })
    expect(typesOf(draft)).toEqual(['session.completed'])
  })

  it.each([
    ['PLAN', 'plan_missing', 'plan_invalid'],
    ['INTEGRATION', 'merge_conflict', 'integration_failed'],
    ['WORK', 'check_failed', 'task_failed'],
    ['WORK', 'repository_unavailable', 'repository_unavailable'],
  ] as const)('of a failed %s task (%s) says %s', (kind, code, expected) => {
    const tasks = [aTask('x', { kind, state: 'FAILED', error: { code, message: 'because' } }), done('one')]
    const { session } = decide(running(tasks))
    expect(session).toMatchObject({ state: 'FAILED', failure: { code: expected } })
    expect(session.failure?.message).toContain('because')
  })

  it('of a session that is over changes nothing, whatever is known', () => {
    for (const state of ['PENDING', 'PAUSED', 'STOPPED', 'COMPLETED', 'FAILED'] as const) {
      const draft = decide(running([aTask('one'), aHeldTask('two', agent)], { state }, 99_999), holdersOf())
      expect(draft, state).toMatchObject({ sessionTouched: false, touched: new Set(), events: [] })
    }
  })
})

describe('the limits of a session', () => {
  it('fail it when its time is over, running or queued, and tell who works to stop', () => {
    const budget = { ...noBudget, seconds: 60 }
    for (const state of ['RUNNING', 'QUEUED'] as const) {
      const task = aHeldTask('one', agent)
      expect(decide(running([task], { state, budget }, 59)).session).toMatchObject({ state, wake_at: at(60) })
      const draft = decide(running([task, aTask('two')], { state, budget }, 60))
      expect(draft.session).toMatchObject({ state: 'FAILED', failure: { code: 'deadline_exceeded' } })
      expect(statesOf(draft)).toEqual({ one: 'CANCELLED', two: 'CANCELLED' })
      expect(draft.inbox).toMatchObject([{ kind: 'INTERRUPT', data: { reason: 'stop' } }])
      expect(draft.slots).toHaveLength(1)
    }
  })

  it.each([
    ['tokens', { ...noBudget, tokens: 100 }, { ...noUsage, input_tokens: 60, reasoning_tokens: 40 }],
    ['cost', { ...noBudget, cost_usd: 0.5 }, { ...noUsage, cost_usd: 0.5 }],
  ] as const)('pause it when its %s are spent, and ask for the work', (_, budget, usage) => {
    const tasks = [aHeldTask('one', agent), aTask('two')]
    const draft = decide(running(tasks, { budget, usage }, 7))
    expect(draft.session).toMatchObject({
      state: 'PAUSING',
      waiting: { reason: 'budget_exceeded' },
      settle_by: at(7 + grace),
      wake_at: at(7 + grace),
    })
    expect(draft.inbox).toMatchObject([{ kind: 'INTERRUPT', data: { reason: 'pause' } }])
    expect(statesOf(draft)).toEqual({ one: 'RUNNING', two: 'READY' })
  })

  it('pause it at once when nobody holds anything, and the reason stays', () => {
    const draft = decide(
      running([aTask('one')], {
        budget: { ...noBudget, tokens: 1 },
        usage: { ...noUsage, output_tokens: 1 },
      }),
    )
    expect(draft.session).toMatchObject({
      state: 'PAUSED',
      waiting: { reason: 'budget_exceeded' },
      wake_at: null,
    })
    expect(typesOf(draft)).toEqual(['session.pausing', 'session.paused'])
  })

  it('do not count cache reads, which the writing prompt has paid', () => {
    const usage = { ...noUsage, cache_read_tokens: 1_000, input_tokens: 99 }
    const draft = decide(running([aTask('one')], { budget: { ...noBudget, tokens: 100 }, usage }))
    expect(draft.session.state).toBe('RUNNING')
  })
})

describe.each([
  ['PAUSING', 'PAUSED', 'pause'],
  ['STOPPING', 'STOPPED', 'stop'],
] as const)('a session that is %s', (state, settled, reason) => {
  const going = (tasks: Task[], seconds: number) => running(tasks, { state, settle_by: at(grace) }, seconds)

  it(`is ${settled} when nobody holds a task`, () => {
    const draft = decide(going([aTask('one'), done('two')], 1))
    expect(draft.session).toMatchObject({ state: settled, settle_by: null, wake_at: null })
    expect(statesOf(draft)).toEqual({ one: reason === 'stop' ? 'CANCELLED' : 'READY', two: 'COMPLETED' })
    expect(draft.trigger).toBe(reason === 'stop' ? 'BEFORE_STOP' : 'BEFORE_PAUSE')
  })

  it('withdraws offers and asks for running work, once', () => {
    const offered = aHeldTask('two', agent, { state: 'ASSIGNED', deadline: at(20) })
    const draft = decide(going([aHeldTask('one', agent), offered], 1))
    expect(statesOf(draft)).toEqual({ one: 'RUNNING', two: 'READY' })
    expect(draft.inbox).toMatchObject([{ kind: 'INTERRUPT', data: { reason } }])
    const again = decide({ session: draft.session, tasks: [...draft.tasks.values()], now: at(2) })
    expect(again).toMatchObject({ inbox: [], events: [], sessionTouched: false, touched: new Set() })
    expect(again.session.wake_at).toBe(at(grace))
  })

  it('takes the work at the grace deadline, which fences the attempt', () => {
    const task = aHeldTask('one', agent, {
      waiting: { reason: 'interrupted', sentence: '', since: '', until: '' },
    })
    const before = decide(going([task], grace - 1))
    expect(before.session).toMatchObject({ state, wake_at: at(grace) })
    const draft = decide(going([task], grace))
    expect(draft.session.state).toBe(settled)
    expect(taskNamed(draft, 'one')).toMatchObject({ agent_id: null, attempt: 1 })
    expect(draft.slots).toHaveLength(1)
  })

  it('does not wait for an agent that is gone, nor speak to it', () => {
    for (const holders of [
      holdersOf(),
      holdersOf({ ...agent, state: 'OFFLINE' }),
      holdersOf({ ...agent, incarnation: 2 }),
    ]) {
      const draft = decide(going([aHeldTask('one', agent)], 1), holders)
      expect(draft.session.state).toBe(settled)
      expect(draft.inbox).toEqual([])
    }
  })

  it('looks again at the grace deadline, not at an attempt’s that is over before', () => {
    const draft = decide(going([aHeldTask('one', agent, { deadline: at(3) })], 5))
    expect(draft.session).toMatchObject({ state, wake_at: at(grace) })
  })
})

describe('when somebody must look again', () => {
  it('is the earliest deadline of the session and its tasks', () => {
    const budget = { ...noBudget, seconds: 1_000 }
    const held = aHeldTask('one', agent, { deadline: at(500) })
    const offered = aHeldTask('two', agent, { state: 'ASSIGNED', deadline: at(30) })
    const later = aTask('three', { not_before: at(8) })
    const wake = (...tasks: Task[]) => decide(running(tasks, { budget }, 1)).session.wake_at
    expect(wake(held, offered, later)).toBe(at(8))
    expect(wake(held, offered)).toBe(at(30))
    expect(wake(held)).toBe(at(500))
    expect(wake(aTask('three'))).toBe(at(1_000))
  })

  it('is never for a READY task that may be offered: the fleet’s next change looks for it', () => {
    expect(decide(running([aTask('one', { not_before: at(1) })], {}, 1)).session.wake_at).toBeNull()
  })

  it('is null exactly where nothing can time out', () => {
    for (const state of ['PENDING', 'QUEUED', 'PAUSED', 'STOPPED', 'COMPLETED', 'FAILED'] as const)
      expect(decide(running([aTask('one')], { state, wake_at: at(1) })).session.wake_at, state).toBeNull()
    for (const state of ['RUNNING', 'PAUSING', 'STOPPING'] as const) {
      const draft = decide(running([aHeldTask('one', agent)], { state, settle_by: at(30) }))
      expect(draft.session.wake_at, state).not.toBeNull()
    }
  })
})

describe('a session that is given up', () => {
  it('FAILs engine_error with the reason, and frees who held it', () => {
    const draft = giveUp(deepFreeze(running([aHeldTask('one', agent), aTask('two')])), '5 steps failed.')
    expect(draft.session).toMatchObject({ state: 'FAILED', failure: { code: 'engine_error' }, wake_at: null })
    expect(draft.session.failure?.message).toContain('5 steps failed.')
    expect([...draft.tasks.values()].some(({ state }) => isHeld(state))).toBe(false)
  })

  it('is STOPPED when it was to stop', () => {
    const draft = giveUp(deepFreeze(running([aHeldTask('one', agent)], { state: 'STOPPING' })), 'x')
    expect(draft.session.state).toBe('STOPPED')
    expect(isTerminal(draft.session.state)).toBe(true)
    expect(statesOf(draft)).toEqual({ one: 'CANCELLED' })
  })
})
