import { describe, expect, test } from 'vitest'
import { NewSession } from '#core/session/session'
import { emptyDraft, placeFaults, readDraft } from './draft.ts'

const goal = { ...emptyDraft, title: ' Add a changelog ', prompt: 'Write it.' }

describe('the form of a new session', () => {
  test('makes a request that the domain accepts', () => {
    const { body, faults } = readDraft(
      {
        ...goal,
        repository: ' /tmp/repo ',
        base: 'main',
        labels: 'team:a,  release:4',
        approval: 'ask',
        patience: '5',
        unanswered: 'allow',
        tokens: '100 000',
        cost: '1.5',
        time: '0.5',
      },
      true,
    )
    expect(faults.fields.size).toBe(0)
    expect(NewSession.parse(body)).toMatchObject({
      title: 'Add a changelog',
      repository: { url: '/tmp/repo', base: 'main' },
      labels: ['team:a', 'release:4'],
      approval_policy: { mode: 'ask', timeout_seconds: 300, default: 'allow' },
      budget: { tokens: 100_000, cost_usd: 1.5, seconds: 30, tasks: null },
      start: true,
    })
    expect(NewSession.safeParse(readDraft(goal, false).body).success).toBe(true)
  })

  test('does not take a word for no limit', () => {
    expect(readDraft({ ...goal, tokens: 'many' }, true).faults.fields.get('tokens')).toBe('must be a number')
  })

  test('asks for what is missing before it asks the API', () => {
    const { fields } = readDraft({ ...emptyDraft, base: 'main' }, true).faults
    expect([...fields.keys()].toSorted()).toEqual(['prompt', 'repository', 'title'])
  })

  test('puts an error of the API at its field, and what has none above the form', () => {
    const { fields, others } = placeFaults(
      new Map([
        ['/labels/2', 'must be a word'],
        ['/budget/seconds', 'must be at least 1'],
        ['/plan/tasks', 'has a cycle'],
      ]),
    )
    expect([...fields]).toEqual([
      ['labels', 'must be a word'],
      ['time', 'must be at least 1'],
    ])
    expect(others).toEqual(['/plan/tasks has a cycle'])
  })
})
