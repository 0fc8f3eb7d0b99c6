import { describe, expect, it } from 'vitest'
import { aHeldTask, anAgent, aTask, at, deepFreeze } from '../../test/known.ts'
import { forkedTasks } from './fork.ts'
import { taskStates } from './states.ts'
import type { Task } from './task.ts'

const child = { id: 'ses_child', now: at(50) }
const agent = anAgent('builder')

/** Forks at a checkpoint in which the tasks stand in other states than now. */
function forked(tasks: Task[], states: Partial<Record<string, object>> = {}) {
  const stood = tasks.map(({ id, key, state }) => ({ id, key, state, ...states[key] }))
  return forkedTasks(deepFreeze(tasks), deepFreeze(stood), child).forked
}

describe('the tasks of a fork', () => {
  it.each(taskStates)('that were %s are held by nobody and counted from zero', (state) => {
    const result = { ...{ summary: '', commit: 'c', artifact_id: null, patch_artifact_id: null } }
    const row = aHeldTask('one', agent, {
      failures: 2,
      losses: 3,
      result: { ...result, diff: null, checks: [] },
    })
    const [task] = forked([row], { one: { state } })
    const kept = state === 'COMPLETED' || state === 'WAITING_CHILDREN'
    expect(task).toMatchObject({ attempt: 0, failures: 0, losses: 0, agent_id: null, deadline: null })
    expect(task).toMatchObject({ state: kept ? state : 'READY', result: kept ? row.result : null })
    expect(task?.session_id).toBe(child.id)
    expect(task?.id).not.toBe(row.id)
  })

  it('are blocked while what they depend on was not finished then, even if it is now', () => {
    const tasks = [aTask('a', { state: 'COMPLETED' }), aTask('b', { state: 'COMPLETED', depends_on: ['a'] })]
    const then = { a: { state: 'RUNNING' }, b: { state: 'BLOCKED' } }
    expect(forked(tasks, then).map(({ state }) => state)).toEqual(['READY', 'BLOCKED'])
    expect(forked(tasks, { b: { state: 'READY' } }).map(({ state }) => state)).toEqual(['COMPLETED', 'READY'])
  })

  it('keep their tree under new ids, and depend on what the checkpoint says', () => {
    const parent = aTask('parent', { state: 'WAITING_CHILDREN' })
    const tasks = forked([parent, aTask('sub', { parent_id: parent.id })], {
      sub: { depends_on: ['parent'] },
    })
    expect(tasks[1]).toMatchObject({ parent_id: tasks[0]?.id, depends_on: ['parent'], state: 'BLOCKED' })
  })

  it('wait for their subtasks again when their own run was over, even if one of these had broken', () => {
    const result = {
      summary: '',
      commit: 'c',
      artifact_id: null,
      patch_artifact_id: null,
      diff: null,
      checks: [],
    }
    const parent = aTask('parent', { state: 'FAILED', result })
    const sub = aTask('sub', { parent_id: parent.id, state: 'FAILED' })
    const tasks = forked([parent, sub], { parent: { commit: 'c' } })
    expect(tasks.map(({ state }) => state)).toEqual(['WAITING_CHILDREN', 'READY'])
    expect(tasks[0]?.result).toEqual(result)
    // Before its parent handed in, a subtask had nothing to begin from.
    const early = forked([parent, sub], {
      parent: { state: 'RUNNING', commit: null },
      sub: { state: 'BLOCKED' },
    })
    expect(early.map(({ state }) => state)).toEqual(['READY', 'BLOCKED'])
  })

  it('go on from the snapshot of the checkpoint, not from a later one', () => {
    const late = { number: 9, artifact_id: null, commit: 'late', engine: {} }
    const then = { artifact_id: 'art_1', commit: 'then', engine: { session_id: 'x' } }
    const row = aHeldTask('one', agent, { work: late })
    expect(forked([row], { one: { work: then } })[0]?.work).toEqual({ number: 1, ...then })
    expect(forked([row])[0]?.work).toBeNull()
  })

  it('are without those that were made later, and without the last integration', () => {
    const tasks = [aTask('a'), aTask('integrate', { kind: 'INTEGRATION' })]
    const stood = tasks.map(({ id, state }) => ({ id, state }))
    expect(forkedTasks([...tasks, aTask('later')], stood, child).forked.map(({ key }) => key)).toEqual(['a'])
  })
})
