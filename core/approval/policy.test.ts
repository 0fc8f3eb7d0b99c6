import { describe, expect, it } from 'vitest'
import type { AskedOf } from './ask.ts'
import { ApprovalPolicy, askedTools, decideAsk, matches, type SessionPolicy, withGrant } from './policy.ts'
import { approvalStates, isLegal, isTerminal, legalActions, transitions } from './states.ts'

const policy = (given: object = {}): SessionPolicy => ({ ...ApprovalPolicy.parse(given), grants: [] })
const may = (tool: string, patterns: string[], always: string[] = []): AskedOf => ({
  kind: 'PERMISSION',
  asked: { tool, patterns, always, command: null, diff: null },
})
const which = (question: string): AskedOf => ({
  kind: 'QUESTION',
  asked: { questions: [{ question, header: '', options: [], multiple: false }] },
})

describe('the policy', () => {
  it('allows everything in mode auto, and asks about everything in mode ask', () => {
    for (const ask of [may('bash', ['ls']), may('edit', []), which('Which?')]) {
      expect(decideAsk(policy(), ask)).toBe('allow')
      expect(decideAsk(policy({ mode: 'ask' }), ask)).toBe('ask')
    }
  })

  it('lets the first rule that matches tool and pattern decide', () => {
    const rules = [
      { tool: 'bash', pattern: 'git push*', action: 'deny' },
      { tool: 'bash', pattern: 'git *', action: 'allow' },
      { tool: 'web*', action: 'deny' },
    ]
    const ruled = policy({ mode: 'ask', rules })
    expect(decideAsk(ruled, may('bash', ['git status']))).toBe('allow')
    expect(decideAsk(ruled, may('bash', ['git push origin']))).toBe('deny')
    expect(decideAsk(ruled, may('bash', ['npm test']))).toBe('ask')
    expect(decideAsk(ruled, may('webfetch', ['https://example.com']))).toBe('deny')
  })

  it('takes the strictest word over the commands of one line', () => {
    const rules = [
      { tool: 'bash', pattern: 'rm *', action: 'deny' },
      { tool: 'bash', pattern: 'curl *', action: 'ask' },
    ]
    expect(decideAsk(policy({ rules }), may('bash', ['ls', 'curl x']))).toBe('ask')
    expect(decideAsk(policy({ rules }), may('bash', ['curl x', 'rm -r y']))).toBe('deny')
    expect(decideAsk(policy({ rules }), may('bash', ['ls', 'pwd']))).toBe('allow')
  })

  it('remembers what was allowed for good, which never overrules a denial', () => {
    const rules = [{ tool: 'bash', pattern: '* --force', action: 'deny' }]
    const granted = withGrant(policy({ mode: 'ask', rules }), may('bash', ['git pull'], ['git *']))
    expect(decideAsk(granted, may('bash', ['git status']))).toBe('allow')
    expect(decideAsk(granted, may('bash', ['git push --force']))).toBe('deny')
    expect(decideAsk(granted, may('bash', ['npm test']))).toBe('ask')
    expect(decideAsk(granted, may('edit', ['git status']))).toBe('ask')
  })

  it('takes what was allowed to the letter where the engine proposes nothing wider', () => {
    const granted = withGrant(policy({ mode: 'ask' }), may('bash', ['ls *.js']))
    expect(decideAsk(granted, may('bash', ['ls *.js']))).toBe('allow')
    expect(decideAsk(granted, may('bash', ['ls secret.js']))).toBe('ask')
    expect(withGrant(granted, may('bash', ['ls *.js'])).grants).toHaveLength(1)
  })

  it('names the tools that the engine has to ask about: none by default', () => {
    expect(askedTools(policy())).toEqual([])
    expect(askedTools(policy({ rules: [{ tool: 'read', action: 'deny' }] }))).toEqual(['read'])
    expect(askedTools(policy({ mode: 'ask' }))).toEqual(expect.arrayContaining(['bash', 'edit']))
  })
})

describe('a glob', () => {
  it.each([
    ['*', '', true],
    ['git *', 'git', true],
    ['git *', 'gitk', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['*.ts', 'src/a.ts', true],
    ['a.c', 'abc', false],
    ['echo *', 'echo a\nb', true],
  ])('%j over %j: %j', (pattern, text, fits) => expect(matches(pattern, text)).toBe(fits))

  it('of many stars over a long text ends in time', () => {
    const began = performance.now()
    expect(matches('*a'.repeat(400), 'a'.repeat(8_000).concat('b'))).toBe(false)
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})

describe("the approval's table", () => {
  it('leaves OPEN once, for a state that nothing leaves', () => {
    expect(legalActions('OPEN')).toEqual(Object.keys(transitions))
    for (const state of approvalStates) expect(isTerminal(state)).toBe(state !== 'OPEN')
    expect(isLegal('ANSWERED', 'expire')).toBe(false)
  })
})
