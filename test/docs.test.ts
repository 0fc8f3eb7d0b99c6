import { expect, it } from 'vitest'
import { isCurrent, statesPage } from '../docs/generate.ts'

it('docs/states.md is what the transition tables say (else: node --import tsx docs/generate.ts)', async () => {
  expect(await isCurrent()).toBe(true)
})

it('the page names every state and action of the four tables', () => {
  const page = statesPage()
  for (const word of [
    'settle_pause',
    'AWAITING_INPUT',
    'WAITING_CHILDREN',
    'DRAINING',
    'silence',
    'revive',
    'WITHDRAWN',
  ])
    expect(page).toContain(word)
})
