import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { Client } from '#functions/worker/client'
import { anyPorts, startLocal } from '#local/cloud'
import { type Percentiles, percentiles, rounded } from './measure.ts'
import { capabilities, handedIn, sequentialSession } from './plan.ts'
import { liftRate } from './requests.ts'

export type HttpOptions = {
  sessions: number
  tasks: number
  concurrency: number
  agents: number
  capacity: number
}

export type HttpFigures = {
  seconds: number
  sessions: number
  tasks: number
  tasks_per_second: number
  session_ms: Percentiles
  first_claim_ms: Percentiles
}

const Session = z.object({ id: z.string(), state: z.string() })
const pollSeconds = 20
const heartbeatMs = 8_000
const lookMs = 20
const sessionDeadlineMs = 120_000
const callMs = 30_000

/**
 * The same work through the local cloud: sessions by REST, wakes by SQS, scripted workers over HTTP with the
 * client of the real ones. Gateway, functions and queue share this process, as with `npm start`.
 */
export async function runHttp(options: HttpOptions): Promise<HttpFigures> {
  const data = mkdtempSync(join(tmpdir(), 'orchestrator-bench-http-'))
  const cloud = await startLocal({ data, ports: anyPorts, env: {}, workers: [], write: () => {} })
  await liftRate(cloud)
  const work = watchWork()
  const over = new AbortController()
  try {
    const clients = await Promise.all(
      Array.from({ length: options.agents }, (_, i) => register(cloud, i, options.capacity)),
    )
    const serving = clients.map((client) => serve(client, over.signal, work).catch(work.fail))
    const started = performance.now()
    const times = await Promise.race([runSessions(cloud, options, work), work.failing])
    const seconds = (performance.now() - started) / 1000
    over.abort()
    await Promise.all(serving)
    const tasks = work.completed()
    return {
      seconds: rounded(seconds),
      sessions: times.length,
      tasks,
      tasks_per_second: rounded(tasks / seconds, 0),
      session_ms: percentiles(times.map(({ session }) => session)),
      first_claim_ms: percentiles(times.map(({ claim }) => claim)),
    }
  } finally {
    over.abort()
    await cloud.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

/** Where the API is, and the key to it. */
type Doors = { api: string; key: string }

type Work = ReturnType<typeof watchWork>

function watchWork() {
  const claims = new Map<string, number>()
  const closed = new Set<string>()
  let completed = 0
  let fail: (error: unknown) => void = () => {}
  const failing = new Promise<never>((_, reject) => {
    fail = reject
  })
  failing.catch(() => {})
  return { claims, closed, failing, fail, done: () => completed++, completed: () => completed }
}

async function register({ api, key }: Doors, i: number, capacity: number) {
  const client = new Client(api, key)
  const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
  await client.register({ name: `bench-${i}`, engine, capabilities, capacity, labels: [] })
  return client
}

async function serve(client: Client, signal: AbortSignal, work: Work) {
  const holding = new Map<string, { task_id: string; attempt: number }>()
  const beat = setInterval(() => {
    client.heartbeat([...holding.values()], [], signal).catch(() => {})
  }, heartbeatMs)

  async function doTask(task_id: string, attempt: number) {
    const { task, session } = await client.claim(task_id, attempt, signal)
    holding.set(task_id, { task_id, attempt })
    if (!work.claims.has(session.id)) work.claims.set(session.id, performance.now())
    const branch = task.kind === 'INTEGRATION' ? { branch: `orchestrator/${session.id}` } : {}
    await client.complete(task_id, { attempt, batch: 0, ...handedIn, ...branch }, signal)
    holding.delete(task_id)
    work.done()
    if (task.kind === 'INTEGRATION') work.closed.add(session.id)
  }

  try {
    while (!signal.aborted) {
      const items = await client.inbox(pollSeconds, signal)
      for (const { kind, task_id, attempt } of items)
        if (kind === 'OFFER' && task_id && attempt) doTask(task_id, attempt).catch(work.fail)
      await Promise.all(items.map(({ id }) => client.ack(id, signal)))
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    clearInterval(beat)
  }
}

async function runSessions(doors: Doors, options: HttpOptions, work: Work) {
  let left = options.sessions
  const body = JSON.stringify(sequentialSession(options.tasks))
  const times: { session: number; claim: number }[] = []
  async function lane() {
    while (left > 0) {
      left -= 1
      const started = performance.now()
      const { id } = await call(doors, '/sessions', { method: 'POST', body })
      const ended = await completed(doors, id, work)
      times.push({ session: ended - started, claim: (work.claims.get(id) ?? Number.NaN) - started })
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, lane))
  return times
}

async function call({ api, key }: Doors, path: string, init: RequestInit) {
  const url = `${api}${path}`
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(callMs) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return Session.parse(await response.json())
}

/** Looks at the session only once its last task was handed in: `lookMs` is the grain of its end. */
async function completed(doors: Doors, id: string, work: Work) {
  const until = performance.now() + sessionDeadlineMs
  while (performance.now() < until) {
    if (work.closed.has(id)) {
      const { state } = await call(doors, `/sessions/${id}`, {})
      if (state === 'COMPLETED') return performance.now()
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
  throw new Error(`Session ${id} did not complete through HTTP.`)
}
