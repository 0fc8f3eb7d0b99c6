import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Worker } from '#core/actor'
import { readInbox } from '#core/agent/inbox'
import { readEvents } from '#core/event/read'
import { verifyHistory } from '#core/event/verify'
import { controlSession } from '#core/session/control'
import { createSession } from '#core/session/create'
import { readSession } from '#core/session/read'
import { NewSession } from '#core/session/session'
import { checkpointWork, reportEvents } from '#core/task/report'
import { claimTask, completeWork, declineTask, failWork, releaseWork } from '#core/task/work'
import { testDatabase } from '../database.ts'
import { openPlant, type Plant } from '../plant.ts'

const everything = ['PLANNING', 'CODE_GENERATION', 'TESTING', 'INTEGRATION']
const commit = 'a'.repeat(40)

let plant: Plant
let url: string

beforeAll(async () => {
  url = (await testDatabase()).url
  plant = openPlant(url)
})
afterAll(() => plant.close())

const planOf = (...keys: [string, ...string[]][]) => ({
  summary: '',
  tasks: keys.map(([key, ...depends_on]) => ({
    key,
    title: `Do ${key}`,
    instruction: 'Do it.',
    capability: 'CODE_GENERATION',
    depends_on,
    checks: [],
  })),
})

async function begin(plan: ReturnType<typeof planOf> | null, more: Partial<NewSession> = {}) {
  const session = await createSession(
    plant.services,
    plant.operator,
    NewSession.parse({ title: 'Goal', prompt: 'Reach it.', plan, start: true, ...more }),
  )
  await plant.settle()
  return session.id
}

async function offer(worker: Worker) {
  const items = await readInbox(plant.services, worker, 0)
  const item = items.filter(({ kind }) => kind === 'OFFER').at(-1)
  if (!item?.task_id || !item.attempt) throw new Error(`no offer among ${items.length} items`)
  return { id: item.task_id, attempt: item.attempt }
}

const finished = {
  summary: 'Done.',
  commit,
  base_commit: 'b'.repeat(40),
  artifact_id: null,
  patch_artifact_id: null,
  diff: { files: 1, insertions: 2, deletions: 0 },
  checks: [],
}

async function doOffer(worker: Worker, more: Parameters<typeof completeWork>[3] | object = {}) {
  const { id, attempt } = await offer(worker)
  const assignment = await claimTask(plant.services, worker, id, attempt, true)
  await completeWork(plant.services, worker, id, { attempt, batch: 0, ...finished, ...more })
  await plant.settle()
  return assignment
}

const read = (id: string) => readSession(plant.services, plant.operator, id)

async function typesOf(id: string) {
  const { items } = await readEvents(plant.services, plant.operator, id, {
    after: 0,
    limit: 1000,
    types: null,
  })
  expect(items.map(({ seq }) => seq)).toEqual(items.map((_, i) => i + 1))
  return items.map(({ type }) => type)
}

/** Each test has an agent of its own name and takes it offline after: nobody else's offers reach it. */
async function withAgent(name: string, use: (worker: Worker) => Promise<void>) {
  const { worker } = await plant.register(name, everything)
  await plant.settle()
  try {
    await use(worker)
  } finally {
    plant.silent.add(worker.agent_id)
    await plant.look([{ kind: 'tenant', tenant_id: plant.operator.tenant_id }])
  }
}

describe('a session', () => {
  it('runs its plan in order, integrates and completes', () =>
    withAgent('sequential', async (worker) => {
      const id = await begin(planOf(['one'], ['two', 'one']))
      expect((await doOffer(worker)).task.key).toBe('one')
      const second = await doOffer(worker)
      expect(second.task.key).toBe('two')
      expect(second.inputs.map(({ key }) => key)).toEqual(['one'])
      const last = await doOffer(worker, { branch: `orchestrator/${id}` })
      expect(last.task.kind).toBe('INTEGRATION')
      expect(last.inputs.map(({ key }) => key)).toEqual(['two'])
      const session = await read(id)
      expect(session).toMatchObject({ state: 'COMPLETED', wake_at: null, success_rate: 1, rehearsal: true })
      expect(session.result).toMatchObject({ branch: `orchestrator/${id}`, commit })
      expect((await typesOf(id)).at(-1)).toBe('session.completed')
      expect(await verifyHistory(plant.services, plant.operator, id)).toMatchObject({ valid: true })
    }))

  it('asks the Architect for a plan when none is given', () =>
    withAgent('architect', async (worker) => {
      const id = await begin(null)
      const planning = await doOffer(worker, { plan: planOf(['only']), commit: null })
      expect(planning.task.kind).toBe('PLAN')
      expect((await doOffer(worker)).task.key).toBe('only')
      await doOffer(worker)
      expect((await read(id)).state).toBe('COMPLETED')
    }))

  it('refuses a plan with a circle, and the task stays with its agent', () =>
    withAgent('circular', async (worker) => {
      const id = await begin(null)
      const { id: task, attempt } = await offer(worker)
      await claimTask(plant.services, worker, task, attempt, true)
      const plan = planOf(['a', 'b'], ['b', 'a'])
      const refused = completeWork(plant.services, worker, task, { attempt, batch: 0, ...finished, plan })
      await expect(refused).rejects.toMatchObject({ code: 'plan_invalid' })
      expect((await read(id)).tasks).toMatchObject({ running: 1, completed: 0 })
      await controlSession(plant.services, plant.operator, id, 'stop')
    }))

  it('tries a failed task again after a pause, and fails with its words when tries are used up', () =>
    withAgent('failing', async (worker) => {
      const id = await begin(planOf(['one'], ['two', 'one']))
      for (let round = 1; round <= 3; round++) {
        const { id: task, attempt } = await offer(worker)
        expect(attempt).toBe(round)
        await claimTask(plant.services, worker, task, attempt, true)
        const failure = {
          attempt,
          batch: 0,
          code: 'check_failed' as const,
          message: 'npm test: exit 1',
          retryable: true,
        }
        await failWork(plant.services, worker, task, failure)
        await plant.engine.query(null, {
          name: 'skip',
          text: 'update task set not_before = now() where id = $1',
          values: [task],
        })
        await plant.look([{ kind: 'session', tenant_id: plant.operator.tenant_id, session_id: id }])
      }
      const session = await read(id)
      expect(session).toMatchObject({ state: 'FAILED', success_rate: 0, failure: { code: 'task_failed' } })
      expect(session.failure?.message).toContain('npm test: exit 1')
      const types = await typesOf(id)
      expect(types.filter((type) => type === 'task.cancelled')).toHaveLength(1)
      await controlSession(plant.services, plant.operator, id, 'retry')
      await plant.settle()
      expect((await read(id)).state).toBe('RUNNING')
      await doOffer(worker)
      await doOffer(worker)
      await doOffer(worker)
      expect((await read(id)).state).toBe('COMPLETED')
    }))

  it('says that it waits for an agent, which capability, and how to start one', async () => {
    const id = await begin(planOf(['lonely']))
    const { state, waiting } = await read(id)
    expect(state).toBe('RUNNING')
    expect(waiting).toMatchObject({ reason: 'no_agent' })
    expect(waiting?.sentence).toContain('--capabilities CODE_GENERATION')
    await controlSession(plant.services, plant.operator, id, 'stop')
    await plant.settle()
    expect((await read(id)).state).toBe('STOPPED')
  })

  it('pauses when its agent has handed back its work, and goes on from the checkpoint', () =>
    withAgent('pausing', async (worker) => {
      const id = await begin(planOf(['one']))
      const { id: task, attempt } = await offer(worker)
      await claimTask(plant.services, worker, task, attempt, true)
      const engine = { session_id: 'ses_engine' }
      await checkpointWork(plant.services, worker, task, {
        attempt,
        trigger: 'AFTER_TOOL_USE',
        artifact_id: null,
        commit,
        engine,
        size: 3,
      })
      await controlSession(plant.services, plant.operator, id, 'pause')
      await plant.settle()
      expect((await read(id)).state).toBe('PAUSING')
      const inbox = await readInbox(plant.services, worker, 0)
      expect(inbox.at(-1)).toMatchObject({ kind: 'INTERRUPT', data: { reason: 'pause' } })
      await releaseWork(plant.services, worker, task, attempt, 'pause')
      await plant.settle()
      expect(await read(id)).toMatchObject({ state: 'PAUSED', waiting: { reason: 'paused' } })
      await controlSession(plant.services, plant.operator, id, 'resume')
      await plant.settle()
      const resumed = await doOffer(worker)
      expect(resumed.resume).toMatchObject({ commit, engine })
      await doOffer(worker)
      expect((await read(id)).state).toBe('COMPLETED')
    }))

  it('takes the work from an agent that does not hand it back before the grace is over', () =>
    withAgent('deaf', async (worker) => {
      const id = await begin(planOf(['one']))
      const { id: task, attempt } = await offer(worker)
      await claimTask(plant.services, worker, task, attempt, true)
      await controlSession(plant.services, plant.operator, id, 'stop')
      await plant.settle()
      await plant.engine.query(null, {
        name: 'late',
        text: 'update session set settle_by = now() where id = $1',
        values: [id],
      })
      await plant.look([{ kind: 'session', tenant_id: plant.operator.tenant_id, session_id: id }])
      expect((await read(id)).state).toBe('STOPPED')
      const late = completeWork(plant.services, worker, task, { attempt, batch: 0, ...finished })
      await expect(late).rejects.toMatchObject({ code: 'stale_attempt' })
    }))

  it('pauses when its budget is spent, and a raised budget resumes it', () =>
    withAgent('spending', async (worker) => {
      const id = await begin(planOf(['one']), {
        budget: { tokens: 100, cost_usd: null, seconds: null, tasks: null },
      })
      const { id: task, attempt } = await offer(worker)
      await claimTask(plant.services, worker, task, attempt, true)
      const usage = {
        input_tokens: 90,
        output_tokens: 20,
        reasoning_tokens: 0,
        cache_read_tokens: 5,
        cache_write_tokens: 0,
        cost_usd: 0.5,
      }
      const answer = await reportEvents(plant.services, worker, task, {
        attempt,
        batch: 1,
        events: [],
        usage,
      })
      expect(answer).toEqual({ last_batch: 1, action: 'pause' })
      await plant.settle()
      await releaseWork(plant.services, worker, task, attempt, 'pause')
      await plant.settle()
      expect(await read(id)).toMatchObject({
        state: 'PAUSED',
        waiting: { reason: 'budget_exceeded' },
        usage: { cost_usd: 0.5 },
      })
      await controlSession(plant.services, plant.operator, id, 'stop')
      await plant.settle()
    }))
})

describe('an attempt', () => {
  it('that is stale changes nothing', () =>
    withAgent('stale', async (worker) => {
      const id = await begin(planOf(['one']))
      const first = await offer(worker)
      await declineTask(plant.services, worker, first.id, first.attempt, 'not now')
      await plant.settle()
      const before = await read(id)
      const calls = [
        () => claimTask(plant.services, worker, first.id, first.attempt, true),
        () =>
          completeWork(plant.services, worker, first.id, { attempt: first.attempt, batch: 0, ...finished }),
        () =>
          reportEvents(plant.services, worker, first.id, { attempt: first.attempt, batch: 1, events: [] }),
        () => releaseWork(plant.services, worker, first.id, first.attempt, 'x'),
      ]
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'stale_attempt' })
      expect(await read(id)).toEqual(before)
      const second = await offer(worker)
      expect(second).toEqual({ id: first.id, attempt: 2 })
      await controlSession(plant.services, plant.operator, id, 'stop')
      await plant.settle()
    }))

  it('stores each batch once, and asks for the one that is missing', () =>
    withAgent('batches', async (worker) => {
      const id = await begin(planOf(['one']))
      const { id: task, attempt } = await offer(worker)
      await claimTask(plant.services, worker, task, attempt, true)
      const line = (text: string) => ({
        type: 'log' as const,
        at: new Date().toISOString(),
        data: { stream: 'stdout' as const, text },
      })
      const send = (batch: number) =>
        reportEvents(plant.services, worker, task, { attempt, batch, events: [line(`batch ${batch}`)] })
      expect(await send(1)).toEqual({ last_batch: 1, action: 'continue' })
      expect(await send(1)).toEqual({ last_batch: 1, action: 'continue' })
      await expect(send(3)).rejects.toMatchObject({ code: 'batch_gap', details: { expected: 2 } })
      await send(2)
      expect((await typesOf(id)).filter((type) => type === 'log')).toHaveLength(2)
      await controlSession(plant.services, plant.operator, id, 'stop')
      await plant.settle()
    }))

  it('is lost with its silent agent, and the next agent gets its checkpoint', async () => {
    const id = await begin(planOf(['one']))
    const { worker: first } = await plant.register('mortal', everything)
    await plant.settle()
    const { id: task, attempt } = await offer(first)
    await claimTask(plant.services, first, task, attempt, true)
    await checkpointWork(plant.services, first, task, {
      attempt,
      trigger: 'PERIODIC',
      artifact_id: null,
      commit,
      engine: {},
      size: 1,
    })
    plant.silent.add(first.agent_id)
    await plant.look([{ kind: 'tenant', tenant_id: plant.operator.tenant_id }])
    await plant.settle()
    expect(await typesOf(id)).toContain('task.lost')
    await withAgent('heir', async (second) => {
      const resumed = await doOffer(second)
      expect(resumed.task.attempt).toBe(2)
      expect(resumed.resume).toMatchObject({ commit })
      await doOffer(second)
      expect((await read(id)).state).toBe('COMPLETED')
    })
  })

  it('is lost when a process of the same name takes the agent over', async () => {
    const id = await begin(planOf(['one']))
    const { worker } = await plant.register('twin', everything)
    await plant.settle()
    const { id: task, attempt } = await offer(worker)
    await claimTask(plant.services, worker, task, attempt, true)
    await withAgent('twin', async (again) => {
      expect(again.agent_id).toBe(worker.agent_id)
      expect((await doOffer(again)).task.attempt).toBe(2)
      await doOffer(again)
      expect((await read(id)).state).toBe('COMPLETED')
    })
  })
})
