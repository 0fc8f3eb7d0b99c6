import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Worker } from '#core/actor'
import { removeAgent } from '#core/agent/control'
import { readInbox } from '#core/agent/inbox'
import { commitAll } from '#core/change/commit'
import { type Draft, draftOf, moveSession, note, setTask, tell } from '#core/change/draft'
import { openDatabase } from '#core/database/database'
import { assign } from '#core/dispatch/dispatch'
import { controlSession, sendMessage } from '#core/session/control'
import { createSession } from '#core/session/create'
import { readSession } from '#core/session/read'
import { NewSession } from '#core/session/session'
import { checkpointWork, reportEvents } from '#core/task/report'
import { claimTask, completeWork } from '#core/task/work'
import { testDatabase } from '../database.ts'
import { anAgent, planOf, taskNamed } from '../known.ts'
import { openPlant, type Plant } from '../plant.ts'

let plant: Plant
let url: string

beforeAll(async () => {
  url = (await testDatabase()).url
  plant = openPlant(url, { automatic: false })
})
afterAll(() => plant.close())

const tenant_id = () => plant.operator.tenant_id
const query = <Row extends object>(text: string) =>
  plant.engine.query<Row>(null, { name: '', text, values: [] })

/** A session that runs, its tasks READY: nobody who could take them is online yet. */
async function begin(capability: string, ...keys: string[]) {
  const plan = planOf(...keys.map((key): [string] => [key]))
  for (const task of plan.tasks) task.capability = capability
  const input = NewSession.parse({ title: 'x', prompt: 'x', plan, start: true })
  const { id } = await createSession(plant.services, plant.operator, input)
  await plant.settle()
  return id
}

async function load(id: string) {
  const known = await plant.services.load.session(tenant_id(), id)
  if (!known) throw new Error(`no session ${id}`)
  return known
}

const tables = [
  'session',
  'task',
  'agent',
  'inbox',
  'event_page',
  'checkpoint',
  'message',
  'artifact',
  'tenant',
]

/** Every row of every table, as text. */
async function everything() {
  const rows = await Promise.all(
    tables.map((table) => query<{ row: string }>(`select t::text as row from ${table} t`)),
  )
  return Object.fromEntries(tables.map((table, i) => [table, (rows[i] ?? []).map(({ row }) => row).sort()]))
}

async function offerTo(worker: Worker) {
  const item = (await readInbox(plant.services, worker, 0)).filter(({ kind }) => kind === 'OFFER').at(-1)
  if (!item?.task_id || !item.attempt) throw new Error('no offer')
  return { id: item.task_id, attempt: item.attempt }
}

async function running(capability: string) {
  const session = await begin(capability, 'one')
  const { worker } = await plant.register(capability.toLowerCase(), [capability])
  await plant.settle()
  const { id, attempt } = await offerTo(worker)
  await claimTask(plant.services, worker, id, attempt, true)
  return { session, worker, id, attempt }
}

/** A decision that writes to every table that decisions write to. */
function busyDraft(known: Awaited<ReturnType<typeof load>>, agent: ReturnType<typeof anAgent>) {
  const draft = draftOf(known)
  assign([draft], { agents: [agent] })
  moveSession(draft, 'pause', {})
  note(draft, 'message.sent', {})
  draft.message = { id: 'msg_x', text: 'x' }
  expect(draft.slots).toHaveLength(1)
  expect(draft.inbox).toHaveLength(1)
  return draft
}

describe('a commit', () => {
  it('whose version has moved writes nothing in any table', async () => {
    const id = await begin('STALE', 'one')
    const { agent } = await plant.register('stale', ['STALE'])
    const known = await load(id)
    const fresh = busyDraft(known, anAgent('stale', { id: agent.id, capabilities: ['STALE'] }))
    for (const off of [-1, 1]) {
      const moved = { ...fresh, session: { ...fresh.session, version: known.session.version + off } }
      const before = await everything()
      expect(await commitAll(plant.engine, null, [moved])).toEqual(['conflict'])
      expect(await everything()).toEqual(before)
    }
    expect(await commitAll(plant.engine, null, [fresh])).not.toEqual(['conflict'])
    expect(await commitAll(plant.engine, null, [fresh])).toEqual(['conflict'])
  })

  it('of another tenant’s session writes nothing', async () => {
    const draft = draftOf(await load(await begin('FOREIGN', 'one')))
    draft.session = { ...draft.session, tenant_id: 'ten_00000000000000000000000009', title: 'taken' }
    draft.sessionTouched = true
    const before = await everything()
    expect(await commitAll(plant.engine, null, [draft])).toEqual(['conflict'])
    expect(await everything()).toEqual(before)
  })

  it('that is spoilt in a flight does not keep the others from landing', async () => {
    const [a, b] = [await load(await begin('FLIGHT_A', 'one')), await load(await begin('FLIGHT_B', 'one'))]
    const stale = draftOf({ ...a, session: { ...a.session, version: 0 } })
    const good = draftOf(b)
    for (const draft of [stale, good]) moveSession(draft, 'pause', {})
    expect(await commitAll(plant.engine, null, [stale, good])).toMatchObject([
      'conflict',
      { id: b.session.id },
    ])
  })
})

describe.each([
  ['in one flight', true],
  ['in two transactions at once', false],
] as const)('two sessions that race for the last slot %s', (_, together) => {
  it('one wins, the other writes nothing and is assigned later', async () => {
    const capability = together ? 'RACE_ONE' : 'RACE_TWO'
    const ids = [await begin(capability, 'one'), await begin(capability, 'one')]
    const { worker, agent } = await plant.register(capability.toLowerCase(), [capability])
    const fleet = [anAgent(agent.name, { id: agent.id, capabilities: [capability] })]
    const drafts: Draft[] = []
    for (const id of ids) {
      const draft = draftOf(await load(id))
      assign([draft], { agents: fleet })
      drafts.push(draft)
    }
    const second = openDatabase({ url, role: 'engine', max: 1 })
    const outcomes = together
      ? await commitAll(plant.engine, null, drafts)
      : (
          await Promise.all([
            commitAll(plant.engine, null, drafts.slice(0, 1)),
            commitAll(second, null, drafts.slice(1)),
          ])
        ).flat()
    await second.end()
    expect(outcomes.filter((outcome) => outcome === 'conflict')).toHaveLength(1)
    const loser = ids[outcomes.indexOf('conflict')] ?? ''
    expect((await load(loser)).tasks).toMatchObject([{ state: 'READY', attempt: 0, agent_id: null }])
    expect(await query(`select active from agent where id = '${agent.id}'`)).toEqual([{ active: 1 }])
    const { id, attempt } = await offerTo(worker)
    await claimTask(plant.services, worker, id, attempt, true)
    await completeWork(plant.services, worker, id, { attempt, batch: 0, ...finished })
    await plant.settle()
    expect((await load(loser)).tasks).toMatchObject([{ state: 'ASSIGNED', attempt: 1, agent_id: agent.id }])
    expect(await query(`select active from agent where id = '${agent.id}'`)).toEqual([{ active: 1 }])
  })
})

describe('an agent on probation', () => {
  it('is given one task at a time, by two steps at once too', async () => {
    const ids = [await begin('PROBATION', 'one'), await begin('PROBATION', 'one')]
    const { agent } = await plant.register('probation', ['PROBATION'], 8)
    const decide = async (id: string, recent: string) => {
      const draft = draftOf(await load(id))
      const given = { id: agent.id, capabilities: ['PROBATION'], capacity: 8, recent }
      assign([draft], { agents: [anAgent('probation', given)] })
      expect(draft.slots).toHaveLength(1)
      return draft
    }
    for (const recent of ['00000', '1111110000']) {
      await query(`update agent set recent = '${recent}', active = 0 where id = '${agent.id}'`)
      const drafts = [await decide(ids[0] ?? '', recent), await decide(ids[1] ?? '', recent)]
      const second = openDatabase({ url, role: 'engine', max: 1 })
      const outcomes = await Promise.all([
        commitAll(plant.engine, null, drafts.slice(0, 1)),
        commitAll(second, null, drafts.slice(1)),
      ])
      await second.end()
      expect(outcomes.flat().filter((outcome) => outcome === 'conflict')).toHaveLength(1)
      expect(await query(`select active from agent where id = '${agent.id}'`)).toEqual([{ active: 1 }])
      ids.push(await begin('PROBATION', 'one'), await begin('PROBATION', 'one'))
      ids.splice(0, 2)
    }
    // Seven of ten: it has earned its way back.
    await query(`update agent set recent = '1111111000', active = 0 where id = '${agent.id}'`)
    const drafts = [await decide(ids[0] ?? '', '1111111000'), await decide(ids[1] ?? '', '1111111000')]
    expect(await commitAll(plant.engine, null, drafts)).not.toContain('conflict')
  })
})

const finished = {
  summary: '',
  commit: null,
  base_commit: null,
  artifact_id: null,
  patch_artifact_id: null,
  diff: null,
  checks: [],
}

describe('what a worker reports between a look and a commit', () => {
  it('is not undone by the commit: neither its batches nor its checkpoint', async () => {
    const { session, worker, id, attempt } = await running('REPORTING')
    const stale = draftOf(await load(session))
    await reportEvents(plant.services, worker, id, { attempt, batch: 1, events: [] })
    const checkpoint = { attempt, trigger: 'PERIODIC' as const, artifact_id: null, commit: null, size: 1 }
    const { number } = await checkpointWork(plant.services, worker, id, { ...checkpoint, engine: { at: 1 } })
    setTask(stale, id, { waiting: { reason: 'interrupted', sentence: '', since: stale.now, until: null } })
    expect(await commitAll(plant.engine, null, [stale])).toMatchObject([{ id: session }])
    expect(taskNamed(draftOf(await load(session)), 'one')).toMatchObject({
      waiting: { reason: 'interrupted' },
      last_batch: 1,
      work: { number, engine: { at: 1 } },
    })
    const answer = await reportEvents(plant.services, worker, id, { attempt, batch: 2, events: [] })
    expect(answer).toEqual({ last_batch: 2, action: 'continue' })
  })
})

describe('an agent that was removed', () => {
  it('is told nothing, and neither its session nor those that fly with it are held up', async () => {
    const { session, worker } = await running('REMOVED')
    await removeAgent(plant.services, plant.operator, worker.agent_id)
    await sendMessage(plant.services, plant.operator, session, 'hello')
    const known = await load(session)
    const draft = draftOf(known)
    tell(draft, taskNamed(draft, 'one'), 'INTERRUPT', {})
    const other = draftOf(await load(await begin('BESIDE', 'one')))
    moveSession(other, 'pause', {})
    expect(await commitAll(plant.engine, null, [draft, other])).toMatchObject([{}, {}])
    await controlSession(plant.services, plant.operator, session, 'stop')
    await plant.settle()
    expect((await readSession(plant.services, plant.operator, session)).state).toBe('STOPPED')
  })
})
