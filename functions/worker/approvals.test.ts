import { expect, test } from 'vitest'
import type { ApprovalAnswer, Decision } from '#core/approval/approval'
import { Approvals } from './approvals.ts'
import type { Request } from './engine/permission.ts'

const once: Decision = { reply: 'once', message: '', answers: [] }
const open: ApprovalAnswer = { approval_id: 'apr_1', state: 'OPEN', deadline: null, decision: null }
const request = (id: string): Request => ({
  kind: 'PERMISSION',
  id,
  asked: { tool: 'bash', patterns: ['ls'], always: [], command: null, diff: null },
})

/** A control plane that answers each ask in turn with what it is given, at last with its last word. */
function play(given: ApprovalAnswer[], lookEvery = 60_000) {
  const over = new AbortController()
  const waits: boolean[] = []
  let calls = 0
  let called = () => {}
  const first = new Promise<void>((resolve) => {
    called = resolve
  })
  const approvals = new Approvals({
    client: {
      approve: async () => {
        called()
        const answer = given[Math.min(calls, given.length - 1)] ?? open
        calls += 1
        return answer
      },
    },
    task: 'tsk_1',
    attempt: 1,
    signal: over.signal,
    onWait: (does) => waits.push(does),
    lookEvery,
  })
  return { approvals, over, waits, first, calls: () => calls }
}

test('what the policy decides is decided at once', async () => {
  const { approvals, waits } = play([{ ...open, state: 'DECIDED', decision: once }])
  expect(await approvals.decide(request('per_1'))).toEqual(once)
  expect(waits).not.toContain(true)
})

test('an answer of the inbox ends the wait of its ask only; the clock stands until none waits', async () => {
  const { approvals, waits, first } = play([open])
  const one = approvals.decide(request('per_1'))
  const two = approvals.decide(request('per_2'))
  await first
  approvals.answered({ engine_ref: 'per_2', decision: { ...once, reply: 'reject', message: 'no' } })
  expect(await two).toMatchObject({ reply: 'reject', message: 'no' })
  expect(waits).not.toContain(false)
  approvals.answered({ engine_ref: 'per_1', decision: once })
  expect(await one).toEqual(once)
  expect(waits.at(-1)).toBe(false)
})

test('an answer that never arrived is found by asking again', async () => {
  const { approvals, calls } = play([open, { ...open, state: 'DECIDED', decision: once }], 1)
  expect(await approvals.decide(request('per_1'))).toEqual(once)
  expect(calls()).toBe(2)
})

test('when the attempt ends, nobody is kept waiting, and the clock stays as it is', async () => {
  const { approvals, over, waits, first } = play([open])
  const waiting = approvals.decide(request('per_1'))
  await first
  over.abort(new Error('over'))
  await expect(waiting).rejects.toThrow('over')
  expect(waits).not.toContain(false)
})
