import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import * as z from 'zod'
import { Client } from '#functions/worker/client'
import { anyPorts, startLocal } from '#local/cloud'
import { type Percentiles, percentiles, rounded } from './measure.ts'
import { capabilities, sequentialSession } from './plan.ts'
import { liftRate } from './requests.ts'

export type LiveOptions = {
  /** Viewers of one session; one round for each number. */
  viewers: number[]
  /** Events a second, and for how long. */
  rate: number
  seconds: number
  /** Events that one late viewer catches up with. */
  catch_up: number
}

export type LiveRound = {
  viewers: number
  posted: number
  /** Of viewers × events: what came within the wait at the end. */
  delivered_share: number
  gaps: number
  /** From the call that posts the event to its frame at a viewer. */
  latency_ms: Percentiles
}

export type LiveFigures = { rate: number; rounds: LiveRound[]; catch_up: { events: number; ms: number } }

const Said = z.discriminatedUnion('said', [
  z.object({ said: z.literal('open') }),
  z.object({ said: z.literal('closed') }),
  z.object({ said: z.literal('failed'), reason: z.string() }),
  z.object({
    said: z.literal('seen'),
    gaps: z.int(),
    viewers: z.array(z.array(z.tuple([z.number(), z.number()]))),
  }),
])
const Session = z.object({ id: z.string(), last_seq: z.int() })

const callMs = 20_000
const settleMs = 3_000
const catchUpDeadlineMs = 20_000
const batchOfCatchUp = 250

/**
 * From a worker's post to the frame at the viewers, through the local cloud: api, Postgres, Redis, SQS, broadcast,
 * @connections and sockets, as with `npm start`. The viewers are a process of their own.
 */
export async function runLive(options: LiveOptions): Promise<LiveFigures> {
  const data = mkdtempSync(join(tmpdir(), 'orchestrator-bench-live-'))
  const cloud = await startLocal({ data, ports: anyPorts, env: {}, workers: [], write: () => {} })
  await liftRate(cloud)
  const child = fork(join(import.meta.dirname, 'viewers.ts'), { execArgv: ['--import', 'tsx'] })
  const over = new AbortController()
  try {
    const work = await startWork(cloud, over.signal)
    const rounds: LiveRound[] = []
    for (const viewers of options.viewers) rounds.push(await runRound(cloud, child, work, options, viewers))
    const catch_up = await runCatchUp(cloud, child, work, options.catch_up)
    return { rate: options.rate, rounds, catch_up }
  } finally {
    over.abort()
    child.kill()
    await cloud.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

/** Where the API is, and the key to it. */
type Doors = { api: string; key: string }

type Work = Awaited<ReturnType<typeof startWork>>

/** A running task of a session, whose log is posted to. */
async function startWork({ api, key }: Doors, signal: AbortSignal) {
  const client = new Client(api, key)
  const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
  await client.register({ name: 'bench-live', engine, capabilities, capacity: 1, labels: [] })
  const authorization = `Bearer ${key}`
  const created = await fetch(`${api}/sessions`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(sequentialSession(1)),
    signal: AbortSignal.timeout(callMs),
  })
  const { id } = Session.parse(await created.json())
  const [offer] = await client.inbox(20, signal)
  if (!offer?.task_id || !offer.attempt) throw new Error('No offer came.')
  const { task_id, attempt } = offer
  await client.claim(task_id, attempt, signal)
  await client.ack(offer.id, signal)
  const beat = setInterval(() => {
    client.heartbeat([{ task_id, attempt }], [], signal).catch(() => {})
  }, 8_000)
  signal.addEventListener('abort', () => clearInterval(beat))
  let batch = 0

  return {
    session_id: id,
    async head() {
      const answer = await fetch(`${api}/sessions/${id}`, {
        headers: { authorization },
        signal: AbortSignal.timeout(callMs),
      })
      return Session.parse(await answer.json()).last_seq
    },
    /** Posts a batch of log lines. */
    async post(count: number) {
      batch += 1
      const at = new Date().toISOString()
      const data = { stream: 'text' as const, text: `Line ${batch} of what an agent thinks while it works.` }
      const events = Array.from({ length: count }, () => ({ at, type: 'log' as const, data }))
      await client.events(task_id, { attempt, batch, events }, signal)
    },
  }
}

async function ask(child: ChildProcess, message: object) {
  child.send(message)
  const [answer] = await once(child, 'message', { signal: AbortSignal.timeout(60_000) })
  const said = Said.parse(answer)
  if (said.said === 'failed') throw new Error(`The viewers failed: ${said.reason}`)
  return said
}

async function runRound(
  { api, key }: Doors,
  child: ChildProcess,
  work: Work,
  { rate, seconds }: LiveOptions,
  viewers: number,
): Promise<LiveRound> {
  const after = await work.head()
  await ask(child, { ask: 'open', api, key, session_id: work.session_id, viewers, after })
  await pause(1_000)
  const posted = new Map<number, number>()
  const count = rate * seconds
  const began = performance.now()
  // One after the other, as a worker sends them: those that fell due meanwhile share the next batch.
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - began) / 1000) * rate) + 1)
    if (due > sent) {
      const now = performance.timeOrigin + performance.now()
      for (let seq = after + sent + 1; seq <= after + due; seq++) posted.set(seq, now)
      const from = sent
      sent = due
      await work.post(due - from)
    } else await pause(1)
  }
  await pause(settleMs)
  const said = await ask(child, { ask: 'seen' })
  await ask(child, { ask: 'close' })
  if (said.said !== 'seen') throw new Error('The viewers answered something else.')
  const latencies = said.viewers.flatMap((times) =>
    times.flatMap(([seq, at]) => {
      const from = posted.get(seq)
      return from === undefined ? [] : [at - from]
    }),
  )
  return {
    viewers,
    posted: count,
    delivered_share: rounded(latencies.length / (viewers * count), 4),
    gaps: said.gaps,
    latency_ms: percentiles(latencies),
  }
}

/** One viewer that has seen nothing: from its subscription to the last event. */
async function runCatchUp({ api, key }: Doors, child: ChildProcess, work: Work, events: number) {
  const before = await work.head()
  for (let left = events - before; left > 0; left -= batchOfCatchUp) {
    await work.post(Math.min(batchOfCatchUp, left))
  }
  const head = await work.head()
  const began = performance.timeOrigin + performance.now()
  await ask(child, { ask: 'open', api, key, session_id: work.session_id, viewers: 1, after: 0 })
  const until = performance.now() + catchUpDeadlineMs
  while (performance.now() < until) {
    const said = await ask(child, { ask: 'seen' })
    const last = said.said === 'seen' ? new Map(said.viewers[0]).get(head) : undefined
    if (last !== undefined) return { events: head, ms: rounded(last - began) }
    await pause(50)
  }
  throw new Error(`The viewer did not catch up within ${catchUpDeadlineMs} ms.`)
}
