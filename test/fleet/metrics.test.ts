import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import * as z from 'zod'
import { openDatabase } from '#core/database/database'
import { foldCounted } from '#core/fleet/facts'
import { metrics } from '#functions/metrics/names'
import { anyPorts, type LocalCloud, startLocal } from '#local/cloud'
import { temporaryFolder } from '#local/fixtures'
import { makeLineSplitter } from '#local/log-lines'
import { findOnPath } from '#local/process'
import { root } from '#local/root'
import { waitFor } from '#local/wait'
import { testDatabase } from '../database.ts'
import { type Client, clientOf, registerWorker } from './worker.ts'

const deadline = 30_000
const folder = temporaryFolder()
const instances: { child: ChildProcess; url: string }[] = []
let cloud: LocalCloud
let database: string

async function startInstance(environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/fleet/instance.ts'], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    const lines = makeLineSplitter((line) => {
      const found = /^listening (.+)$/.exec(line)?.[1]
      if (found) resolve(found)
    })
    child.stdout.on('data', lines.push)
    child.once('exit', (code) => reject(new Error(`An instance ended with ${code}`)))
  })
  instances.push({ child, url })
}

beforeAll(async () => {
  database = (await testDatabase()).url
  const env = { PATH: process.env.PATH, DATABASE_URL: database }
  cloud = await startLocal({ data: folder.path, env, ports: anyPorts, workers: [], write: () => {} })
  await Promise.all([startInstance(cloud.environment), startInstance(cloud.environment)])
  await play()
}, 120_000)

afterAll(async () => {
  for (const { child } of instances) child.kill()
  await cloud.stop()
  folder.remove()
})

const Session = z.object({ id: z.string(), state: z.string() })
const Events = z.object({
  items: z.array(z.object({ type: z.string(), data: z.record(z.string(), z.unknown()) })),
})
const plan = {
  tasks: [{ key: 'write', title: 'Write', instruction: 'Write.', capability: 'CODE_GENERATION' }],
}
const usage = {
  input_tokens: 700,
  output_tokens: 50,
  reasoning_tokens: 3,
  cache_read_tokens: 11,
  cost_usd: 0.25,
}
const done = {
  ...{ summary: 'done', commit: null, base_commit: null, artifact_id: null, patch_artifact_id: null },
  diff: null,
}

/** How often each type of event was told by the sessions' own histories, and what they say was used. */
const truth = { events: new Map<string, number>(), used: new Map<string, number>(), created: 0 }

function clients() {
  return [cloud.url, ...instances.map(({ url }) => url)].map((url) => clientOf(url, cloud.key))
}

async function create(call: Client) {
  truth.created += 1
  const body = { title: 'Goal', prompt: 'Reach it.', plan, start: true }
  return Session.parse((await call('POST', '/sessions', { body })).json).id
}

async function until(call: Client, id: string, state: string) {
  await waitFor(`${id} ${state}`, deadline, async () => {
    const session = Session.parse((await call('GET', `/sessions/${id}`)).json)
    return session.state === state ? session : null
  })
}

/** Sessions that complete, fail twice, are stopped and deleted, and lose an agent; each through several instances. */
async function play() {
  const [first, second, third] = clients()
  if (!first || !second || !third) throw new Error('Three instances are needed.')
  const worker = await registerWorker(first, 'one', ['CODE_GENERATION', 'INTEGRATION'])
  const { token } = worker
  const finish = async (call: Client) => {
    const { task_id, attempt } = await worker.claim(second)
    await call('POST', `/tasks/${task_id}/events`, { body: { attempt, batch: 1, events: [], usage }, token })
    const body = { ...done, attempt, batch: 1 }
    expect((await call('POST', `/tasks/${task_id}/complete`, { body, token })).status).toBeLessThan(300)
  }
  const fail = async (call: Client) => {
    const { task_id, attempt } = await worker.claim(third)
    const body = { attempt, batch: 0, code: 'engine_failed', message: 'no', retryable: false, usage }
    expect((await call('POST', `/tasks/${task_id}/fail`, { body, token })).status).toBeLessThan(300)
  }
  const completed = await create(first)
  // Its task, and the one that integrates.
  await finish(third)
  await finish(first)
  await until(second, completed, 'COMPLETED')

  const failed = await create(second)
  await fail(first)
  await until(third, failed, 'FAILED')
  expect((await second('POST', `/sessions/${failed}/retry`)).status).toBeLessThan(300)
  await fail(second)
  await until(first, failed, 'FAILED')

  const stopped = await create(third)
  await worker.claim(first)
  await first('POST', `/sessions/${stopped}/stop`)
  const lost = await create(first)
  await worker.claim(second)
  // Another process of that name: what the first one held is lost, and offered to the second.
  const again = await registerWorker(third, 'one', ['CODE_GENERATION', 'INTEGRATION'])
  await until(second, stopped, 'STOPPED')
  await again.claim(third)

  for (const id of [completed, failed, stopped, lost]) await witness(first, id)
  for (const id of [failed, stopped])
    expect((await third('DELETE', `/sessions/${id}`)).status).toBeLessThan(300)
  // What is deleted was: counters stay, gauges fall.
}

async function witness(call: Client, id: string) {
  const { items } = Events.parse((await call('GET', `/sessions/${id}/events?limit=500`)).json)
  for (const { type, data } of items) {
    truth.events.set(type, (truth.events.get(type) ?? 0) + 1)
    const told = type === 'usage.reported' ? data : data.usage
    if (typeof told !== 'object' || told === null) continue
    for (const [name, n] of Object.entries(told))
      truth.used.set(name, (truth.used.get(name) ?? 0) + Number(n))
  }
}

async function scrape(url = cloud.url) {
  const answer = await fetch(`${url}/metrics`)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toContain('text/plain')
  return answer.text()
}

/** The value of a sample, as it is written. */
function sampleOf(text: string, sample: string) {
  const line = text.split('\n').find((one) => one.startsWith(`${sample} `))
  return line === undefined ? null : Number(line.slice(sample.length + 1))
}

const told = (type: string) => truth.events.get(type) ?? 0

describe('a scrape', () => {
  test('of any instance says how often sessions and tasks ended, also of those that were deleted', async () => {
    expect(told('session.failed')).toBe(2)
    for (const url of [cloud.url, ...instances.map((one) => one.url)]) {
      const text = await scrape(url)
      for (const [outcome, type] of [
        ['completed', 'session.completed'],
        ['failed', 'session.failed'],
        ['stopped', 'session.stopped'],
      ] as const)
        expect(sampleOf(text, `orchestrator_sessions_total{outcome="${outcome}"}`)).toBe(told(type))
      expect(sampleOf(text, 'orchestrator_tasks_total{status="completed"}')).toBe(told('task.completed'))
      expect(sampleOf(text, 'orchestrator_tasks_total{status="failed"}')).toBe(2)
      expect(sampleOf(text, 'orchestrator_tasks_total{status="cancelled"}')).toBe(told('task.cancelled'))
      // Two tasks lost their agent; the one of the session that was being stopped did not go on.
      expect(told('task.lost')).toBe(2)
      expect(sampleOf(text, 'orchestrator_recoveries_total{cause="agent_lost"}')).toBe(1)
    }
  })

  test('says what was used, to the token', async () => {
    const text = await scrape()
    for (const kind of ['input', 'output', 'reasoning', 'cache_read', 'cache_write'])
      expect(sampleOf(text, `orchestrator_tokens_total{kind="${kind}"}`)).toBe(
        truth.used.get(`${kind}_tokens`) ?? 0,
      )
    expect(sampleOf(text, 'orchestrator_cost_usd_total')).toBeCloseTo(truth.used.get('cost_usd') ?? 0, 6)
    expect(truth.used.get('input_tokens')).toBeGreaterThan(0)
  })

  test('counts what stands as Postgres has it', async () => {
    const engine = openDatabase({ url: database, role: 'engine', max: 1 })
    const count = (table: string) => {
      const text = `select state, count(*) as n from ${table} group by state`
      return engine.query<{ state: string; n: number }>(null, { name: `count_${table}`, text, values: [] })
    }
    const text = await scrape()
    for (const [table, metric] of [
      ['session', 'orchestrator_sessions'],
      ['task', 'orchestrator_tasks'],
    ] as const)
      for (const { state, n } of await count(table))
        expect(sampleOf(text, `${metric}{state="${state}"}`)).toBe(n)
    expect(sampleOf(text, 'orchestrator_active_sessions')).toBe(1)
    expect(sampleOf(text, 'orchestrator_agents{state="ONLINE",tier="STANDARD"}')).toBe(1)
    expect(sampleOf(text, 'orchestrator_agent_load_ratio')).toBe(0.25)
    await engine.end()
  })

  test('adds up what all instances have measured', async () => {
    const text = await scrape()
    const created = 'http_request_duration_seconds_count{method="POST",route="/api/v1/sessions",status="201"}'
    expect(sampleOf(text, created)).toBe(truth.created)
    const claims =
      'http_request_duration_seconds_count{method="POST",route="/api/v1/tasks/{id}/claim",status="200"}'
    expect(sampleOf(text, 'orchestrator_dispatch_latency_seconds_count')).toBe(sampleOf(text, claims))
    expect(sampleOf(text, 'orchestrator_step_duration_seconds_count')).toBeGreaterThan(0)
    expect(text).not.toMatch(/ses_|tsk_|agt_/)
  })

  test('is the same before and after the sweep has added rows together', async () => {
    const counters = async () =>
      (await scrape())
        .split('\n')
        .filter((line) => /^orchestrator_(sessions|tasks|tokens|cost)\w*_total/.test(line))
    const before = await counters()
    const engine = openDatabase({ url: database, role: 'engine', max: 1 })
    const rows = () => engine.query(null, { name: 'count_rows', text: 'select id from counted', values: [] })
    const many = await rows()
    await foldCounted(engine, 1)
    expect((await rows()).length).toBeLessThan(many.length)
    await engine.end()
    expect(await counters()).toEqual(before)
  })

  test('counts connections, and messages that were given up', async () => {
    const [call] = clients()
    const ticket = z.object({ ticket: z.string(), url: z.string() })
    const { ticket: pass, url } = ticket.parse((await call?.('POST', '/socket-tickets'))?.json)
    const socket = new WebSocket(`${url}?ticket=${pass}`)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const sqs = new SQSClient({})
    const QueueUrl = cloud.environment.QUEUE_BROADCAST_DEAD_URL
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' }))
    sqs.destroy()
    await waitFor('both counted', deadline, async () => {
      const text = await scrape()
      const open = sampleOf(text, 'orchestrator_websocket_connections')
      return open === 1 && sampleOf(text, 'orchestrator_dead_letters') === 1 ? text : null
    })
    socket.close()
    await waitFor('its end', deadline, async () =>
      sampleOf(await scrape(), 'orchestrator_websocket_connections') === 0 ? true : null,
    )
  })

  test('has every metric, and nothing that promtool minds', async ({ skip }) => {
    const text = await scrape()
    const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type])
    expect(families).toEqual(Object.entries(metrics).map(([name, { type }]) => [name, type]))
    const promtool = findOnPath(['promtool'])
    if (promtool === null) return skip('promtool is not here: it comes with Debian’s package prometheus')
    expect(execFileSync(promtool, ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('')
  })
})
