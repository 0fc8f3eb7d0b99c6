import { expect, test } from 'vitest'
import { sessionStates } from '#core/session/states'
import { operatorActions, reasonAgainst } from './actions.ts'

test('a button that cannot act says in which states it could, by the table of the server', () => {
  expect(reasonAgainst('COMPLETED', 'pause')).toBe('only while QUEUED or RUNNING; this is COMPLETED')
  expect(reasonAgainst('RUNNING', 'pause')).toBeUndefined()
  for (const state of sessionStates)
    for (const action of operatorActions) expect(reasonAgainst(state, action)).not.toBe('')
})
