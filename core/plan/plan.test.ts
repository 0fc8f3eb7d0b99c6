import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planOf } from '../../test/known.ts'
import { maxTasks, validatePlan } from './plan.ts'

const errorsOf = (plan: unknown, limit?: number) => {
  const verdict = validatePlan(plan, limit)
  return verdict.ok ? [] : verdict.errors
}
const task = (set: object = {}) => ({
  key: 'one',
  title: 'One',
  instruction: 'Do it.',
  capability: 'TESTING',
  ...set,
})
const alone = (set: object) => ({ tasks: [task(set)] })

/** Random DAGs: each task depends on some of those before it, and then the order is shuffled. */
const dag = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 30 }).chain((needs) => {
  const tasks = needs.map((picks, i) =>
    task({ key: `t${i}`, depends_on: i === 0 ? [] : [...new Set(picks.map((pick) => `t${pick % i}`))] }),
  )
  return fc.shuffledSubarray(tasks, { minLength: tasks.length })
})

describe('a plan', () => {
  it('that is any acyclic graph passes, whatever the order of its tasks', () => {
    fc.assert(fc.property(dag, (tasks) => validatePlan({ tasks }).ok))
  })

  it('gets what it leaves out: no summary, no dependencies, no checks', () => {
    expect(validatePlan({ tasks: [task()] })).toEqual({
      ok: true,
      plan: { summary: '', tasks: [{ ...task(), depends_on: [], checks: [] }] },
    })
  })

  it('with an arrow turned back fails as a circle', () => {
    const turned = fc.tuple(fc.integer({ min: 2, max: 20 }), fc.nat(), fc.nat())
    fc.assert(
      fc.property(turned, ([length, a, b]) => {
        const [low, high] = [a % length, b % length].sort((x, y) => x - y)
        const tasks = Array.from({ length }, (_, i) => {
          const before = i > 0 ? [`t${i - 1}`] : []
          return task({ key: `t${i}`, depends_on: i === low ? [...before, `t${high}`] : before })
        })
        const errors = errorsOf({ tasks })
        return errors.length === 1 && errors[0]?.pointer === '/tasks' && /circle/.test(errors[0].message)
      }),
    )
  })

  it('names those that stand in the circle, not those that only hang on it', () => {
    const [error] = errorsOf(planOf(['before'], ['a', 'b', 'before'], ['b', 'a'], ['after', 'b']))
    expect(error).toEqual({ pointer: '/tasks', message: 'depend on each other in a circle: a, b' })
  })

  it('refuses a task that depends on itself', () => {
    expect(errorsOf(planOf(['a', 'a']))[0]?.message).toContain('circle: a')
  })

  it('points at each key that nobody has', () => {
    expect(errorsOf(planOf(['a'], ['b', 'a', 'x'], ['c', 'y']))).toEqual([
      { pointer: '/tasks/1/depends_on/1', message: 'no task has the key "x"' },
      { pointer: '/tasks/2/depends_on/0', message: 'no task has the key "y"' },
    ])
  })

  it('points at a key that is taken, and at those that the engine keeps for itself', () => {
    expect(errorsOf(planOf(['a'], ['a'], ['plan'], ['integrate'])).map(({ pointer }) => pointer)).toEqual([
      '/tasks/1/key',
      '/tasks/2/key',
      '/tasks/3/key',
    ])
  })

  it('may have as many tasks as the budget allows and no more', () => {
    const plan = planOf(['a'], ['b'], ['c'])
    expect(errorsOf(plan, 3)).toEqual([])
    expect(errorsOf(plan, 2)).toEqual([{ pointer: '/tasks', message: 'has 3 tasks, at most 2 are allowed' }])
  })

  it(`may have ${maxTasks} tasks in one chain and no more`, () => {
    const chain = Array.from({ length: maxTasks + 1 }, (_, i) =>
      task({ key: `t${i}`, depends_on: i > 0 ? [`t${i - 1}`] : [] }),
    )
    expect(errorsOf({ tasks: chain.slice(0, maxTasks) })).toEqual([])
    expect(errorsOf({ tasks: chain })[0]?.pointer).toBe('/tasks')
  })

  it('is refused with a pointer to what is wrong with its shape', () => {
    const cases: [unknown, string][] = [
      [null, ''],
      [{ tasks: [] }, '/tasks'],
      [{ tasks: 'x' }, '/tasks'],
      [{ tasks: [task()], more: 1 }, ''],
      [alone({ more: 1 }), '/tasks/0'],
      [alone({ key: 'Upper' }), '/tasks/0/key'],
      [alone({ key: '-a' }), '/tasks/0/key'],
      [alone({ key: 'a'.repeat(64) }), '/tasks/0/key'],
      [alone({ title: '' }), '/tasks/0/title'],
      [alone({ title: 'x'.repeat(201) }), '/tasks/0/title'],
      [alone({ instruction: 'x'.repeat(50_001) }), '/tasks/0/instruction'],
      [alone({ capability: 'testing' }), '/tasks/0/capability'],
      [alone({ depends_on: [1] }), '/tasks/0/depends_on/0'],
      [alone({ depends_on: Array(101).fill('a') }), '/tasks/0/depends_on'],
      [alone({ checks: [{ command: '' }] }), '/tasks/0/checks/0/command'],
      [alone({ checks: [{ command: 'x', timeout_seconds: 3_601 }] }), '/tasks/0/checks/0/timeout_seconds'],
      [alone({ checks: Array(21).fill({ command: 'x' }) }), '/tasks/0/checks'],
    ]
    for (const [plan, pointer] of cases)
      expect(
        errorsOf(plan).map((error) => error.pointer),
        pointer,
      ).toEqual([pointer])
  })

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything(), (anything) => {
        validatePlan(anything)
        validatePlan({ tasks: [anything] })
      }),
    )
  })
})
