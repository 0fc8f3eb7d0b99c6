import { afterAll, expect, test } from 'vitest'
import { verifyHistory } from '#core/event/verify'
import { collectArtifacts } from '#core/retention/collect'
import { prune } from '#core/retention/retention'
import { createSession } from '#core/session/create'
import { exportSession } from '#core/session/export'
import { forkSession } from '#core/session/fork'
import { Fork, NewSession } from '#core/session/session'
import { testDatabase } from '../database.ts'
import { openPlant } from '../plant.ts'

const plant = openPlant((await testDatabase()).url)
afterAll(() => plant.close())

const days = { sessions: 30, changes: 30, audit: 30, tokens: 30, deliveries: 30, inbox: 30 }
const run = <Row extends object>(text: string, values: unknown[] = []) =>
  plant.engine.query<Row>(null, { name: '', text, values })
const make = () =>
  createSession(plant.services, plant.operator, NewSession.parse({ title: 'Old', prompt: 'x' }))

/** Makes a session one that ended so long ago. */
const end = (id: string, ago: number, state = 'COMPLETED') =>
  run('update session set state = $3, ended_at = now() - make_interval(days => $2::int) where id = $1', [
    id,
    ago,
    state,
  ])

async function left(ids: string[]) {
  const rows = await run<{ id: string }>('select id from session where id = any($1) order by id', [ids])
  return rows.map(({ id }) => id)
}

test('sessions go after their time, whole; what has not ended, is young or has forks stays', async () => {
  const [old, young, running, parent] = [await make(), await make(), await make(), await make()]
  const fork = await forkSession(plant.services, plant.operator, parent.id, Fork.parse({}))
  await end(old.id, 31)
  await end(young.id, 29)
  await end(running.id, 31, 'RUNNING')
  await end(parent.id, 31)
  const ids = [old, young, running, parent, fork].map(({ id }) => id)
  expect((await prune(plant.engine, days)).sessions).toBe(1)
  expect(await left(ids)).toEqual(ids.slice(1))
  const pages = await run('select 1 from event_page where session_id = $1', [old.id])
  const checkpoints = await run('select 1 from checkpoint where session_id = $1', [old.id])
  expect([...pages, ...checkpoints]).toEqual([])
  // A chain is never cut: what is left of histories is all of them.
  for (const id of [young.id, parent.id, fork.id])
    expect(await verifyHistory(plant.services, plant.operator, id)).toMatchObject({ valid: true })
  await end(fork.id, 31)
  await prune(plant.engine, days)
  await prune(plant.engine, days)
  expect(await left(ids)).toEqual([young.id, running.id])
})

test('a row that another holds is waited for by nobody', async () => {
  const { id } = await make()
  await end(id, 31)
  await plant.engine.transaction(plant.operator.tenant_id, async (query) => {
    await query({ name: '', text: 'select id from session where id = $1 for update', values: [id] })
    expect((await prune(plant.engine, days)).sessions).toBe(0)
  })
  expect((await prune(plant.engine, days)).sessions).toBe(1)
})

test('one call takes a bounded number of rows, and the next goes on', async () => {
  await run(`insert into session_change (tenant_id, at, session_id, to_state)
    select id, now() - interval '31 days', 'x', 'QUEUED' from tenant, generate_series(1, 1500)`)
  expect((await prune(plant.engine, days)).changes).toBe(1_000)
  expect((await prune(plant.engine, days)).changes).toBe(500)
})

test('the artifacts of a session that was deleted are collected once no upload can come any more', async () => {
  const { id, ...session } = await make()
  const tenant = plant.operator.tenant_id
  await run(
    `insert into artifact (tenant_id, id, session_id, task_id, attempt, kind, size)
     values ($1, 'art_1', $2, 'tsk_1', 1, 'BUNDLE', 1)`,
    [tenant, id],
  )
  expect(session.state).toBe('PENDING')
  await end(id, 31)
  await prune(plant.engine, days)
  const asked: string[] = []
  const remove = async (prefix: string) => asked.push(prefix) > 1
  expect(await collectArtifacts(plant.engine, remove)).toBe(0)
  expect(asked).toEqual([])
  const wait = () => run(`update artifact_garbage set created_at = now() - interval '21 minutes'`)
  await wait()
  // Not all of it is gone, or the store is away: the next sweep goes on.
  expect(await collectArtifacts(plant.engine, remove)).toBe(0)
  await wait()
  expect(await collectArtifacts(plant.engine, remove)).toBe(1)
  await wait()
  expect(await collectArtifacts(plant.engine, remove)).toBe(0)
  expect(asked).toEqual([`${tenant}/${id}/`, `${tenant}/${id}/`])
})

test('an export is all of a session, in parts that join without a gap, and its pages prove themselves', async () => {
  const parent = await make()
  const { id } = await forkSession(plant.services, plant.operator, parent.id, Fork.parse({}))
  await run(
    `insert into event_page (tenant_id, session_id, first_seq, last_seq, hash, page)
     select tenant_id, id, last_seq + n, last_seq + n, '\\x00', '[{"data":"' || repeat('x', 10000) || '"}]'
     from session, generate_series(1, 900) n where id = $1`,
    [id],
  )
  await run('update session set last_seq = last_seq + 900 where id = $1', [id])
  const lines: { kind: string; data: Record<string, unknown> }[] = []
  let answers = 0
  for (let after: string | null = null; ; answers++) {
    const part: Awaited<ReturnType<typeof exportSession>> = await exportSession(
      plant.services,
      plant.operator,
      id,
      after,
    )
    expect(Buffer.byteLength(part.lines.join('\n'))).toBeLessThan(4_000_000)
    lines.push(...part.lines.map((line) => JSON.parse(line)))
    after = part.next
    if (after === null) break
  }
  expect(answers).toBeGreaterThanOrEqual(2)
  const of = (kind: string) => lines.filter((line) => line.kind === kind).map(({ data }) => data)
  expect(of('session')).toMatchObject([{ id, title: 'Old' }])
  expect(of('checkpoint').length).toBe(1)
  const pages = of('event_page')
  expect(pages.map(({ first_seq }) => first_seq)).toEqual(pages.map((_, i) => i + 1))
  expect(pages[0]?.events).toMatchObject([{ type: 'session.created' }])
  expect(JSON.stringify(lines)).not.toContain('"tenant_id"')
})
