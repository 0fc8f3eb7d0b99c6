import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import * as z from 'zod'
import { anyPorts, startLocal } from '#local/cloud'
import { type Percentiles, percentiles, rounded } from './measure.ts'
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

const Failed = z.object({ said: z.literal('failed'), reason: z.string() })
const Open = z.object({ said: z.literal('open') })
const Closed = z.object({ said: z.literal('closed') })
const Seen = z.object({
  said: z.literal('seen'),
  gaps: z.int(),
  viewers: z.array(z.array(z.tuple([z.number(), z.number()]))),
})
const Started = z.object({ said: z.literal('started'), session_id: z.string() })
const Head = z.object({ said: z.literal('head'), last_seq: z.int() })
const Posted = z.object({ said: z.literal('posted'), posted: z.array(z.tuple([z.number(), z.number()])) })

const settleMs = 3_000
/** Sockets are opened and code is compiled in the first of them: uncounted, as in every part. */
const warmSeconds = 1
const catchUpDeadlineMs = 20_000

/**
 * From a worker's post to the frame at the viewers, through the local cloud: api, Postgres, Redis, SQS, broadcast,
 * @connections and sockets, as with `npm start`. The worker and the viewers are processes of their own.
 */
export async function runLive(options: LiveOptions): Promise<LiveFigures> {
  const data = mkdtempSync(join(tmpdir(), 'orchestrator-bench-live-'))
  const cloud = await startLocal({ data, ports: anyPorts, env: {}, workers: [], write: () => {} })
  await liftRate(cloud)
  const [viewers, worker] = ['viewers.ts', 'live-worker.ts'].map((file) =>
    fork(join(import.meta.dirname, file), { execArgv: ['--import', 'tsx'] }),
  )
  if (!viewers || !worker) throw new Error('There are two of them.')
  try {
    const { api, key } = cloud
    const { session_id } = await ask(worker, { ask: 'start', api, key }, Started)
    const stage = { viewers, worker, doors: { api, key, session_id } }
    const rounds: LiveRound[] = []
    for (const count of options.viewers) rounds.push(await runRound(stage, options, count))
    const catch_up = await runCatchUp(stage, options.catch_up)
    return { rate: options.rate, rounds, catch_up }
  } finally {
    viewers.kill()
    worker.kill()
    await cloud.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

/** Who takes part, and where the session is. */
type Stage = {
  viewers: ChildProcess
  worker: ChildProcess
  doors: { api: string; key: string; session_id: string }
}

async function ask<T>(child: ChildProcess, message: object, Answer: z.ZodType<T>) {
  child.send(message)
  const [answer] = await once(child, 'message', { signal: AbortSignal.timeout(60_000) })
  const failed = Failed.safeParse(answer)
  if (failed.success) throw new Error(`A process of the benchmark failed: ${failed.data.reason}`)
  return Answer.parse(answer)
}

async function runRound(
  { viewers: child, worker, doors }: Stage,
  { rate, seconds }: LiveOptions,
  viewers: number,
): Promise<LiveRound> {
  const { last_seq } = await ask(worker, { ask: 'head' }, Head)
  await ask(child, { ask: 'open', ...doors, viewers, after: last_seq }, Open)
  await pause(1_000)
  const count = rate * seconds
  await ask(worker, { ask: 'post', rate, count: rate * warmSeconds }, Posted)
  const sent = await ask(worker, { ask: 'post', rate, count }, Posted)
  const posted = new Map(sent.posted)
  await pause(settleMs)
  const said = await ask(child, { ask: 'seen' }, Seen)
  await ask(child, { ask: 'close' }, Closed)
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
async function runCatchUp({ viewers: child, worker, doors }: Stage, events: number) {
  const before = await ask(worker, { ask: 'head' }, Head)
  const { last_seq: head } = await ask(
    worker,
    { ask: 'fill', count: Math.max(0, events - before.last_seq) },
    Head,
  )
  const began = performance.timeOrigin + performance.now()
  await ask(child, { ask: 'open', ...doors, viewers: 1, after: 0 }, Open)
  const until = performance.now() + catchUpDeadlineMs
  while (performance.now() < until) {
    const { viewers } = await ask(child, { ask: 'seen' }, Seen)
    const last = new Map(viewers[0]).get(head)
    if (last !== undefined) return { events: head, ms: rounded(last - began) }
    await pause(50)
  }
  throw new Error(`The viewer did not catch up within ${catchUpDeadlineMs} ms.`)
}
