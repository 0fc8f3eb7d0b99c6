import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Worker } from '#core/actor'
import { readInbox } from '#core/agent/inbox'
import { answerApproval } from '#core/approval/answer'
import type { NewApproval } from '#core/approval/approval'
import { ApprovalPolicy } from '#core/approval/policy'
import { listApprovals, readApproval } from '#core/approval/read'
import { requestApproval } from '#core/approval/request'
import { readEvents } from '#core/event/read'
import { verifyHistory } from '#core/event/verify'
import { controlSession, patchSession } from '#core/session/control'
import { createSession } from '#core/session/create'
import { readSession } from '#core/session/read'
import { NewSession } from '#core/session/session'
import { listSessionTasks, readTask } from '#core/task/read'
import { reportEvents } from '#core/task/report'
import { claimTask, failWork, releaseWork } from '#core/task/work'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, type Plant } from '../plant.ts'

let plant: Plant

beforeAll(async () => {
  plant = openPlant((await testDatabase()).url)
})
afterAll(() => plant.close())

type Held = { session: string; worker: Worker; task: string; attempt: number }

/** A running task of a session of its own, in the hands of an agent that nobody else's tasks reach. */
async function holding(approval_policy: object, use: (held: Held) => Promise<void>, tasks = 1) {
  const name = `agent-${Math.random().toString(36).slice(2)}`
  const { worker } = await plant.register(name, ['CODE_GENERATION'], tasks)
  const plan = planOf(['one'], ...(tasks > 1 ? [['two'] as [string]] : []))
  const input = { title: 'Goal', prompt: 'Reach it.', plan, start: true, approval_policy }
  const { id: session } = await createSession(plant.services, plant.operator, NewSession.parse(input))
  await plant.settle()
  const [offer] = await readInbox(plant.services, worker, 0)
  const task = offer?.task_id ?? ''
  const attempt = offer?.attempt ?? 0
  await claimTask(plant.services, worker, task, attempt, true)
  await plant.settle()
  try {
    await use({ session, worker, task, attempt })
  } finally {
    plant.silent.add(worker.agent_id)
    await controlSession(plant.services, plant.operator, session, 'stop')
    await plant.look([{ kind: 'tenant', tenant_id: plant.operator.tenant_id }])
    await plant.settle()
  }
}

const bash = (attempt: number, command = 'git push', engine_ref = 'per_1'): NewApproval => ({
  attempt,
  engine_ref,
  kind: 'PERMISSION',
  asked: { tool: 'bash', patterns: [command], always: ['git *'], command, diff: null },
})
const question = (attempt: number): NewApproval => ({
  attempt,
  engine_ref: 'que_1',
  kind: 'QUESTION',
  asked: {
    questions: [
      {
        question: 'Which colour?',
        header: '',
        options: [{ label: 'red', description: '' }],
        multiple: false,
      },
    ],
  },
})

const ask = ({ worker, task }: Held, body: NewApproval) => requestApproval(plant.services, worker, task, body)
const answer = (id: string | null, given: Parameters<typeof answerApproval>[3]) =>
  answerApproval(plant.services, plant.operator, id ?? '', given)
const read = (id: string | null) => readApproval(plant.services, plant.operator, id ?? '')
const taskOf = ({ task }: Held) => readTask(plant.services, plant.operator, task)
const answersTo = async ({ worker }: Held) =>
  (await readInbox(plant.services, worker, 0)).filter(({ kind }) => kind === 'ANSWER')
const openOf = async ({ session }: Held) => {
  const filter = { states: ['OPEN' as const], session_id: session, limit: 10, before: null }
  return (await listApprovals(plant.services, plant.operator, filter)).items
}
const typesOf = async ({ session }: Held) => {
  const filter = { after: 0, limit: 1000, types: null }
  return (await readEvents(plant.services, plant.operator, session, filter)).items.map(({ type }) => type)
}
const look = ({ session }: Held) =>
  plant.look([{ kind: 'session', tenant_id: plant.operator.tenant_id, session_id: session }])
const sql = (text: string, values: unknown[]) => plant.engine.query(null, { name: '', text, values })

describe('an ask', () => {
  it('that the policy decides is answered at once, and nothing is stored', () =>
    holding({ rules: [{ tool: 'bash', pattern: 'rm *', action: 'deny' }] }, async (held) => {
      expect(await ask(held, bash(held.attempt))).toMatchObject({
        state: 'DECIDED',
        approval_id: null,
        decision: { reply: 'once' },
      })
      const denied = await ask(held, bash(held.attempt, 'rm -r /', 'per_2'))
      expect(denied.decision).toMatchObject({ reply: 'reject' })
      expect(denied.decision?.message).toContain('denied')
      expect(await ask(held, question(held.attempt))).toMatchObject({ decision: { answers: [['red']] } })
      expect(await openOf(held)).toEqual([])
      expect((await taskOf(held)).state).toBe('RUNNING')
    }))

  it('waits for a person: with an owner, a reason and a deadline; once, however often it is asked', () =>
    holding({ mode: 'ask' }, async (held) => {
      const first = await ask(held, bash(held.attempt))
      expect(first).toMatchObject({ state: 'OPEN', decision: null })
      expect(await ask(held, bash(held.attempt))).toEqual(first)
      await plant.settle()
      const task = await taskOf(held)
      expect(task).toMatchObject({ state: 'AWAITING_INPUT', waiting: { until: first.deadline } })
      expect(task.waiting?.sentence).toContain(`approval answer ${first.approval_id} allow_once`)
      expect(task.waiting?.sentence).toContain('git push')
      const session = await readSession(plant.services, plant.operator, held.session)
      expect(session).toMatchObject({ waiting: { reason: 'approval' }, wake_at: first.deadline })
      const open = await openOf(held)
      expect(open).toMatchObject([{ id: first.approval_id, task_id: held.task, attempt: held.attempt }])
      expect(open[0]?.agent_id).toBe(held.worker.agent_id)
      const types = await typesOf(held)
      expect(types.filter((type) => type === 'approval.requested')).toHaveLength(1)
      const log = {
        type: 'log' as const,
        at: new Date().toISOString(),
        data: { stream: 'text' as const, text: 'x' },
      }
      const batch = { attempt: held.attempt, batch: 1, events: [log] }
      const reported = await reportEvents(plant.services, held.worker, held.task, batch)
      expect(reported).toMatchObject({ last_batch: 1, action: 'continue' })
    }))

  it('of a stale attempt is refused and changes nothing', () =>
    holding({ mode: 'ask' }, async (held) => {
      await expect(ask(held, bash(held.attempt + 1))).rejects.toMatchObject({ code: 'stale_attempt' })
      expect(await openOf(held)).toEqual([])
      expect((await taskOf(held)).state).toBe('RUNNING')
    }))

  it('of ten at once opens one approval', () =>
    holding({ mode: 'ask' }, async (held) => {
      const asked = await Promise.all(Array.from({ length: 10 }, () => ask(held, bash(held.attempt))))
      expect(new Set(asked.map(({ approval_id }) => approval_id)).size).toBe(1)
      expect(await openOf(held)).toHaveLength(1)
    }))
})

describe('an answer', () => {
  it('reaches the agent, lets the task run on when nothing is open, and gives the waited time back', () =>
    holding({ mode: 'ask' }, async (held) => {
      const before = await taskOf(held)
      const first = await ask(held, bash(held.attempt))
      const second = await ask(held, question(held.attempt))
      expect(await answer(first.approval_id, { answer: 'allow_once' })).toMatchObject({
        state: 'ANSWERED',
        answered_by: 'operator',
      })
      expect(await taskOf(held)).toMatchObject({
        state: 'AWAITING_INPUT',
        waiting: { until: second.deadline },
      })
      await answer(second.approval_id, { answer: 'reply', answers: [['blue']] })
      await plant.settle()
      const after = await taskOf(held)
      expect(after).toMatchObject({ state: 'RUNNING', waiting: null })
      expect(Date.parse(after.deadline ?? '')).toBeGreaterThan(Date.parse(before.deadline ?? ''))
      expect((await answersTo(held)).map(({ data }) => data)).toMatchObject([
        { approval_id: first.approval_id, engine_ref: 'per_1', decision: { reply: 'once' } },
        { engine_ref: 'que_1', decision: { reply: 'answer', answers: [['blue']] } },
      ])
      expect(await ask(held, question(held.attempt))).toMatchObject({ decision: { answers: [['blue']] } })
      expect(await typesOf(held)).toEqual(
        expect.arrayContaining(['task.awaiting_input', 'approval.answered']),
      )
      expect(await verifyHistory(plant.services, plant.operator, held.session)).toMatchObject({ valid: true })
    }))

  it('given twice alike is fine, differently is refused', () =>
    holding({ mode: 'ask' }, async (held) => {
      const { approval_id } = await ask(held, bash(held.attempt))
      const given = { answer: 'deny' as const, text: 'Not on a Friday.' }
      const once = await answer(approval_id, given)
      expect(await answer(approval_id, given)).toEqual(once)
      await expect(answer(approval_id, { answer: 'allow_once' })).rejects.toMatchObject({
        code: 'illegal_transition',
      })
      const told = await answersTo(held)
      expect(told).toHaveLength(1)
      expect(told[0]?.data).toMatchObject({ decision: { reply: 'reject' } })
      expect(JSON.stringify(told[0]?.data)).toContain('Not on a Friday.')
    }))

  it('of allow_always is kept as a rule of the session', () =>
    holding({ mode: 'ask' }, async (held) => {
      const { approval_id } = await ask(held, bash(held.attempt))
      await answer(approval_id, { answer: 'allow_always' })
      expect(await ask(held, bash(held.attempt, 'git fetch', 'per_2'))).toMatchObject({
        state: 'DECIDED',
        approval_id: null,
        decision: { reply: 'once' },
      })
      const { approval_policy } = await readSession(plant.services, plant.operator, held.session)
      expect(approval_policy.grants).toEqual([{ tool: 'bash', pattern: 'git *', literal: false }])
    }))

  /** Two tasks of one session, each with an ask that is open. */
  async function both(held: Held) {
    const [, other] = (await listSessionTasks(plant.services, plant.operator, held.session, page)).items
    await plant.settle()
    const item = (await readInbox(plant.services, held.worker, 0)).find(
      ({ task_id }) => task_id === other?.id,
    )
    const second = { ...held, task: item?.task_id ?? '', attempt: item?.attempt ?? 0 }
    await claimTask(plant.services, held.worker, second.task, second.attempt, true)
    const first = await ask(held, bash(held.attempt))
    const covered = await ask(second, bash(second.attempt, 'git fetch', 'per_2'))
    const foreign = await ask(second, bash(second.attempt, 'npm test', 'per_3'))
    return { first, covered, foreign, second }
  }
  const page = { limit: 10, after: null }

  it('of allow_always answers what is open of the session and covered, of its other tasks too', () =>
    holding(
      { mode: 'ask' },
      async (held) => {
        const { first, covered, foreign, second } = await both(held)
        await answer(first.approval_id, { answer: 'allow_always' })
        expect(await read(covered.approval_id)).toMatchObject({
          state: 'ANSWERED',
          answer: { answer: 'allow_once' },
        })
        expect((await openOf(held)).map(({ id }) => id)).toEqual([foreign.approval_id])
        expect((await answersTo(held)).map(({ data }) => data)).toMatchObject([
          { engine_ref: 'per_1', decision: { reply: 'once' } },
          { engine_ref: 'per_2', decision: { reply: 'once' } },
        ])
        expect((await taskOf(held)).state).toBe('RUNNING')
        expect((await taskOf(second)).state).toBe('AWAITING_INPUT')
      },
      2,
    ))

  it('is no longer needed once another policy allows it; one that ended takes none', () =>
    holding(
      { mode: 'ask' },
      async (held) => {
        const { first, covered, second } = await both(held)
        await answer(first.approval_id, { answer: 'allow_always' })
        const policy = ApprovalPolicy.parse({ rules: [{ tool: 'bash', pattern: 'rm *', action: 'deny' }] })
        const patch = { approval_policy: policy }
        const { approval_policy } = await patchSession(
          plant.services,
          plant.operator,
          held.session,
          patch,
          null,
        )
        expect(approval_policy).toMatchObject({ ...policy, grants: [{ tool: 'bash', pattern: 'git *' }] })
        expect(await openOf(held)).toEqual([])
        expect((await taskOf(second)).state).toBe('RUNNING')
        expect((await read(covered.approval_id)).state).toBe('ANSWERED')
        const denied = await ask(second, bash(second.attempt, 'rm -r /', 'per_4'))
        expect(denied).toMatchObject({ decision: { reply: 'reject' } })
        await controlSession(plant.services, plant.operator, held.session, 'stop')
        await plant.settle()
        await sql('update session set settle_by = now() where id = $1', [held.session])
        await look(held)
        await expect(
          patchSession(plant.services, plant.operator, held.session, patch, null),
        ).rejects.toMatchObject({ code: 'illegal_transition' })
      },
      2,
    ))

  it('that does not fit what is asked names the field, and changes nothing', () =>
    holding({ mode: 'ask' }, async (held) => {
      const permission = await ask(held, bash(held.attempt))
      const asked = await ask(held, question(held.attempt))
      const wrong: [typeof asked, Parameters<typeof answer>[1]][] = [
        [permission, { answer: 'reply' }],
        [permission, { answer: 'allow_once', answers: [['x']] }],
        [asked, { answer: 'allow_once' }],
        [asked, { answer: 'reply', answers: [['a', 'b']] }],
        [asked, { answer: 'reply', answers: [] }],
      ]
      for (const [{ approval_id }, given] of wrong) {
        const refused = answer(approval_id, given)
        await expect(refused).rejects.toMatchObject({ code: 'invalid_input', errors: [{}] })
      }
      expect(await openOf(held)).toHaveLength(2)
    }))
})

describe('an open approval', () => {
  it.each([
    ['allow', { reply: 'once' }],
    ['deny', { reply: 'reject' }],
    [{ reply: 'Work without it.' }, { reply: 'reject', message: 'Work without it.' }],
  ])('that nobody answers in time takes the default %j', (fallback, decision) =>
    holding({ mode: 'ask', timeout_seconds: 60, default: fallback }, async (held) => {
      const { approval_id } = await ask(held, bash(held.attempt))
      await plant.settle()
      // The attempt's own time is over as well: it stands still while a person is asked.
      await sql(`update task set deadline = now() - interval '1 second' where id = $1`, [held.task])
      await look(held)
      expect((await taskOf(held)).state).toBe('AWAITING_INPUT')
      await sql("update task set deadline = now() + interval '1 hour' where id = $1", [held.task])
      await sql('update approval set deadline = now() where id = $1', [approval_id])
      await look(held)
      expect(await read(approval_id)).toMatchObject({ state: 'EXPIRED', answered_by: 'timeout' })
      expect((await taskOf(held)).state).toBe('RUNNING')
      expect((await answersTo(held)).map(({ data }) => data)).toMatchObject([{ decision }])
      expect(await typesOf(held)).toContain('approval.expired')
      await expect(answer(approval_id, { answer: 'allow_once' })).rejects.toMatchObject({
        code: 'illegal_transition',
      })
      expect(await ask(held, bash(held.attempt))).toMatchObject({ decision })
    }),
  )

  const ends: [string, (held: Held) => Promise<unknown>][] = [
    [
      'fails',
      ({ worker, task, attempt }) =>
        failWork(plant.services, worker, task, {
          attempt,
          batch: 0,
          code: 'engine_failed',
          message: 'gone',
          retryable: true,
        }),
    ],
    [
      'is released',
      ({ worker, task, attempt }) => releaseWork(plant.services, worker, task, attempt, 'pause'),
    ],
    [
      'is lost',
      async (held) => {
        plant.silent.add(held.worker.agent_id)
        await plant.look([{ kind: 'tenant', tenant_id: plant.operator.tenant_id }])
      },
    ],
    [
      'is stopped',
      async (held) => {
        await controlSession(plant.services, plant.operator, held.session, 'stop')
        await plant.settle()
        expect((await readInbox(plant.services, held.worker, 0)).at(-1)).toMatchObject({ kind: 'INTERRUPT' })
        await sql('update session set settle_by = now() where id = $1', [held.session])
        await look(held)
      },
    ],
  ]
  it.each(ends)('is withdrawn when its attempt %s', (_how, end) =>
    holding({ mode: 'ask' }, async (held) => {
      const { approval_id } = await ask(held, bash(held.attempt))
      await end(held)
      expect((await read(approval_id)).state).toBe('WITHDRAWN')
      expect((await taskOf(held)).state).not.toBe('AWAITING_INPUT')
      await expect(answer(approval_id, { answer: 'allow_once' })).rejects.toMatchObject({
        code: 'illegal_transition',
        details: { state: 'WITHDRAWN' },
      })
    }),
  )
})
