import { expect, it } from 'vitest'
import { isLegal, sessionStates, transitions } from '#core/session/states'
import { mainLine, railOf, turns, whyNot } from './rail.ts'

const entries = (...states: string[]) => new Map(states.map((state, i) => [state, i]))
const brief = (...args: Parameters<typeof railOf>) =>
  railOf(...args).map(({ state, kind }) => `${kind} ${state}`)

it('the main line is what the table does when nothing turns', () => {
  expect(mainLine).toEqual(['PENDING', 'QUEUED', 'RUNNING', 'COMPLETED'])
  expect([...mainLine, ...turns].sort()).toEqual([...sessionStates].sort())
})

it('a running session has its end ahead', () => {
  expect(brief('RUNNING', entries('PENDING', 'QUEUED', 'RUNNING'))).toEqual([
    'past PENDING',
    'past QUEUED',
    'now RUNNING',
    'ahead COMPLETED',
  ])
})

it('a paused session stands behind what it came through, with its end ahead', () => {
  expect(brief('PAUSED', entries('PENDING', 'QUEUED', 'RUNNING', 'PAUSING', 'PAUSED'))).toEqual([
    'past PENDING',
    'past QUEUED',
    'past RUNNING',
    'now PAUSED',
    'ahead COMPLETED',
  ])
})

it('a session stopped before it ran never shows what it did not go through', () => {
  expect(brief('STOPPING', entries('PENDING', 'STOPPING'))).toEqual(['past PENDING', 'now STOPPING'])
})

it('gives a reason for exactly the actions that the table refuses', () => {
  for (const state of sessionStates)
    for (const action of ['start', 'pause', 'resume', 'stop', 'retry'] as const)
      expect(whyNot(state, action) === undefined, `${action} ${state}`).toBe(isLegal(state, action))
  expect(whyNot('COMPLETED', 'pause')).toBe(
    'Pause is for a session that is queued or running; this one is completed.',
  )
  expect(Object.keys(transitions)).toContain('retry')
})
