import { describe, expect, it } from 'vitest'
import { advance } from '#core/session/advance'
import type { Session } from '#core/session/session'
import { noBudget } from '#core/usage/budget'
import {
  aDraft,
  aHeldTask,
  anAgent,
  aSession,
  aTask,
  at,
  deepFreeze,
  holdersOf,
  taskNamed,
  typesOf,
} from '../../test/known.ts'
import { awaitMerge } from './merge.ts'
import { limits, type Task } from './task.ts'
import type { MergeConflict } from './wire.ts'

const agent = anAgent('a')
const check = (command: string) => ({ command, timeout_seconds: 10 })
const done = (key: string, set: Partial<Task> = {}) => aTask(key, { state: 'COMPLETED', ...set })
const joiner = (key: string, set: Partial<Task> = {}) =>
  aHeldTask(key, agent, { depends_on: ['left', 'right'], last_batch: 3, ...set })
const conflict: MergeConflict = {
  keys: ['left', 'right'],
  commits: ['a'.repeat(40), 'b'.repeat(40)],
  files: ['notes.md', 'src/a b.ts'],
}

function met(tasks: Task[], session: Partial<Session> = {}, what = conflict) {
  const draft = aDraft(aSession(session), deepFreeze(tasks), 9)
  const task = tasks.findLast(({ state }) => state === 'RUNNING')
  if (!task) throw new Error('nobody holds a task')
  awaitMerge(draft, task, what)
  return draft
}

describe('a task whose inputs conflict', () => {
  const checks = [check('test -s notes.md')]
  const tasks = [
    done('left', { checks: [...checks, check('left')] }),
    done('right', { checks }),
    joiner('both'),
  ]

  it('waits for a new task that joins them, with the checks of both, and says so', () => {
    const draft = met(tasks)
    expect(taskNamed(draft, 'both')).toMatchObject({
      state: 'BLOCKED',
      depends_on: ['left', 'right', 'merge-1'],
      attempt: 1,
      failures: 0,
      agent_id: null,
      deadline: null,
      ready_at: null,
      waiting: {
        reason: 'merge_conflict',
        sentence:
          'The work of "left" and "right" conflicts in notes.md and 1 more: "both" waits until "merge-1" has joined them.',
        since: at(9),
      },
    })
    const merge = taskNamed(draft, 'merge-1')
    expect(merge).toMatchObject({
      kind: 'MERGE',
      capability: 'INTEGRATION',
      depends_on: ['left', 'right'],
      state: 'BLOCKED',
      title: 'Join the work of "left" and "right"',
    })
    expect(merge.checks.map(({ command }) => command)).toEqual(['test -s notes.md', 'left'])
    for (const part of [
      ...conflict.commits,
      'left',
      'right',
      'conflicted files:\n- notes.md\n- src/a b.ts\n',
    ])
      expect(merge.instruction).toContain(part)
    expect(typesOf(draft)).toEqual(['task.created', 'task.blocked'])
    expect(draft.events[1]?.data).toMatchObject({ merge: 'merge-1', files: conflict.files, attempt: 1 })
  })

  it('has not failed: no attempt is counted, and its slot is free', () => {
    const draft = met(tasks)
    expect(draft.slots).toMatchObject([{ agent_id: agent.id, give: 1, outcome: '' }])
    expect(draft.session.attempts_finished).toBe(0)
  })

  it('goes on when it is joined; FAILED, the resolution cancels it and the session says integration_failed', () => {
    const session = aSession()
    const merge = (set: Partial<Task>) =>
      aTask('merge-1', { kind: 'MERGE', depends_on: ['left', 'right'], ...set })
    const waits = aTask('both', { state: 'BLOCKED', depends_on: ['left', 'right', 'merge-1'] })
    const next = (set: Partial<Task>) =>
      advance({ session, tasks: [done('left'), done('right'), merge(set), waits], now: at(10) }, holdersOf())
    expect(taskNamed(next({ state: 'BLOCKED' }), 'merge-1').state).toBe('READY')
    expect(taskNamed(next({ state: 'READY' }), 'both').state).toBe('BLOCKED')
    expect(taskNamed(next({ state: 'COMPLETED' }), 'both').state).toBe('READY')
    const failed = next({ state: 'FAILED', error: { code: 'check_failed', message: 'Markers are left.' } })
    expect(taskNamed(failed, 'both').state).toBe('CANCELLED')
    expect(failed.session).toMatchObject({ state: 'FAILED', failure: { code: 'integration_failed' } })
  })

  it('shares the resolution with others that meet the same, in whatever order', () => {
    const merge = aTask('merge-1', { kind: 'MERGE', depends_on: ['right', 'left'], state: 'COMPLETED' })
    const draft = met([...tasks, merge])
    expect(draft.made.size).toBe(0)
    expect(taskNamed(draft, 'both').depends_on).toContain('merge-1')
  })

  it('never takes a key that a task has', () => {
    const draft = met([done('merge-1'), ...tasks])
    expect(taskNamed(draft, 'both').depends_on.at(-1)).toBe('merge-2')
  })

  it('FAILs when the conflict comes again after it was resolved', () => {
    const merge = done('merge-1', { kind: 'MERGE', depends_on: ['left', 'right'] })
    const held = joiner('both', { depends_on: ['left', 'right', 'merge-1'] })
    const draft = met([done('left'), done('right'), merge, held])
    expect(taskNamed(draft, 'both')).toMatchObject({ state: 'FAILED', error: { code: 'merge_conflict' } })
    expect(taskNamed(draft, 'both').error?.message).toContain('comes again although "merge-1"')
  })

  it('FAILs when it is itself the one that is to join them', () => {
    const draft = met([done('left'), done('right'), joiner('merge-1', { kind: 'MERGE' })])
    expect(taskNamed(draft, 'merge-1')).toMatchObject({ state: 'FAILED', error: { code: 'merge_conflict' } })
  })

  it('FAILs when the budget of tasks, or the most that may be, leaves none to resolve it', () => {
    const budget = { ...noBudget, tasks: 3 }
    const draft = met(tasks, { budget })
    expect(taskNamed(draft, 'both').error?.message).toMatch(/its budget of 3 tasks .* raise budget\.tasks/)
    expect(met(tasks, { budget: { ...budget, tasks: 4 } }).made.size).toBe(1)
    const merges = Array.from({ length: limits.merges }, (_, i) => done(`merge-${i}`, { kind: 'MERGE' }))
    expect(taskNamed(met([...merges, ...tasks]), 'both')).toMatchObject({ state: 'FAILED' })
    expect(taskNamed(met([...merges.slice(1), ...tasks]), 'both')).toMatchObject({ state: 'BLOCKED' })
  })

  it('below a parent that has handed in, whose work is one side, is joined below that parent too', () => {
    const result = { summary: '', commit: 'a'.repeat(40), artifact_id: null, patch_artifact_id: null }
    const handedIn = { ...result, diff: null, checks: [] }
    const parent = aTask('left', { state: 'WAITING_CHILDREN', result: handedIn })
    const child = joiner('child', { parent_id: parent.id, depends_on: ['right'] })
    const family = [parent, done('right'), child]
    const draft = met(family)
    expect(taskNamed(draft, 'merge-1')).toMatchObject({ parent_id: parent.id, depends_on: ['right'] })
    expect(taskNamed(draft, 'child').depends_on).toEqual(['right', 'merge-1'])
    const merge = aTask('merge-9', { kind: 'MERGE', parent_id: parent.id, depends_on: ['right'] })
    expect(taskNamed(met([merge, ...family]), 'child').depends_on).toEqual(['right', 'merge-9'])
    expect(() => met([{ ...parent, result: null }, done('right'), child])).toThrow('not of accepted commits')
  })

  it('is refused when the conflict is not of finished tasks', () => {
    for (const keys of [
      ['left', 'nobody'],
      ['left', 'left'],
      ['left', 'both'],
    ])
      expect(() => met(tasks, {}, { ...conflict, keys })).toThrow('not of accepted commits')
  })
})
