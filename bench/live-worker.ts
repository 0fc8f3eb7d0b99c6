/**
 * The worker whose log is posted, in a process of its own, as workers are: a message asks it to claim a task of a new
 * session, to post so many events at a rate, or as fast as they go; it answers when each seq was posted.
 */
import { setTimeout as pause } from 'node:timers/promises'
import * as z from 'zod'
import { Client } from '#functions/worker/client'
import { capabilities, sequentialSession } from './plan.ts'

const Asked = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('start'), api: z.string(), key: z.string() }),
  z.object({ ask: z.literal('head') }),
  z.object({ ask: z.literal('post'), rate: z.number(), count: z.int() }),
  z.object({ ask: z.literal('fill'), count: z.int() }),
])
const Session = z.object({ id: z.string(), last_seq: z.int() })

const callMs = 20_000
const beatMs = 8_000
/** Events of one call when only their number counts. */
const batchOfFill = 250

type Work = { post(count: number): Promise<void>; head(): Promise<number>; session_id: string }

/** Claims a task of a new session. */
async function start({ api, key }: { api: string; key: string }): Promise<Work> {
  const client = new Client(api, key)
  const { signal } = new AbortController()
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
  setInterval(() => {
    client.heartbeat([{ task_id, attempt }], [], signal).catch(() => {})
  }, beatMs)
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
    async post(count) {
      batch += 1
      const at = new Date().toISOString()
      const data = { stream: 'text' as const, text: `Line ${batch} of what an agent thinks while it works.` }
      const events = Array.from({ length: count }, () => ({ at, type: 'log' as const, data }))
      await client.events(task_id, { attempt, batch, events }, signal)
    },
  }
}

/** One after the other, as a worker sends them: those that fell due meanwhile share the next batch. */
async function postAt(work: Work, rate: number, count: number) {
  const after = await work.head()
  const posted: [number, number][] = []
  const began = performance.now()
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - began) / 1000) * rate) + 1)
    if (due > sent) {
      const now = performance.timeOrigin + performance.now()
      for (let seq = after + sent + 1; seq <= after + due; seq++) posted.push([seq, now])
      const from = sent
      sent = due
      await work.post(due - from)
    } else await pause(1)
  }
  return posted
}

async function fill(work: Work, count: number) {
  for (let left = count; left > 0; left -= batchOfFill) await work.post(Math.min(batchOfFill, left))
}

let work: Work | undefined

async function answer(asked: z.infer<typeof Asked>) {
  if (asked.ask === 'start') {
    work = await start(asked)
    return { said: 'started', session_id: work.session_id }
  }
  if (!work) throw new Error('It has no task yet.')
  if (asked.ask === 'post') return { said: 'posted', posted: await postAt(work, asked.rate, asked.count) }
  if (asked.ask === 'fill') await fill(work, asked.count)
  return { said: 'head', last_seq: await work.head() }
}

process.on('message', (message) => {
  answer(Asked.parse(message)).then(
    (said) => process.send?.(said),
    (error: unknown) => process.send?.({ said: 'failed', reason: String(error) }),
  )
})
