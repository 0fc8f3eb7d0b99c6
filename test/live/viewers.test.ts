import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PurgeQueueCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import * as z from 'zod'
import { type LiveClient, openLive } from '#core/live/client/client'
import { liveTiming, socketUrl, systemClock } from '#core/live/client/inputs'
import { Client } from '#functions/worker/client'
import { anyPorts, startLocal } from '#local/cloud'
import { type LoadFunction, loadFunction } from '#local/invoke'
import { waitFor } from '#local/wait'
import { testDatabase, testRedisUrl } from '../database.ts'
import { randomOf } from '../simulation/random.ts'

/**
 * The scale of the suite. VIEWERS=100 EVENTS=20000 (`npm run test:viewers`) is 180 s of CPU for both stories: everything,
 * the viewers too, is in this one process.
 */
const viewers = Number(process.env.VIEWERS ?? 30)
const events = Number(process.env.EVENTS ?? 4_000)
const batches = 40
const perBatch = events / batches
/** Long only for a machine that has much else to do. */
const deadline = Math.max(240_000, (viewers * events) / 4)
const Session = z.looseObject({ id: z.string(), last_seq: z.number() })
const Ticket = z.object({ ticket: z.string(), url: z.string() })

/** The function of the broadcast queue, which a test can kill: what it has under way fails, and it answers nothing. */
const broadcaster = { dead: false, close: async () => {} }
const load: LoadFunction = async (path) => {
  const loaded = await loadFunction(path)
  if (!path.includes('/broadcast/')) return loaded
  broadcaster.close = async () => loaded.close?.()
  return {
    ...loaded,
    handler: (event, context) => {
      if (broadcaster.dead) throw new Error('killed')
      return loaded.handler(event, context)
    },
  }
}

const { url: database } = await testDatabase()
const data = mkdtempSync(join(tmpdir(), 'orchestrator-viewers-'))
// The writer of this test sends no heartbeats.
process.env.PRESENCE_MS = '600000'
const env = { DATABASE_URL: database, REDIS_URL: testRedisUrl() }
const cloud = await startLocal({ data, env, load, ports: anyPorts, workers: [], write: () => {} })
const sqs = new SQSClient({})
const clients: LiveClient[] = []
afterAll(async () => {
  for (const client of clients) client.close()
  sqs.destroy()
  await cloud.stop()
  rmSync(data, { recursive: true, force: true })
})

async function api<T>(schema: z.ZodType<T>, method: string, path: string, body?: unknown) {
  const response = await fetch(`${cloud.api}${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${cloud.key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return schema.parse(JSON.parse(text))
}

/** A running session whose one task this test holds. */
async function writer(name: string) {
  const client = new Client(cloud.api, cloud.key)
  const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
  const capabilities = [name.toUpperCase()]
  await client.register({ name, engine, capabilities, capacity: 1, labels: [] })
  const task = {
    key: 'write',
    title: 'Write much',
    instruction: 'Write.',
    capability: name.toUpperCase(),
    depends_on: [],
    checks: [],
  }
  const plan = { summary: '', tasks: [task] }
  const { id } = await api(Session, 'POST', '/sessions', { title: name, prompt: 'x', plan, start: true })
  const [offer] = await client.inbox(20)
  if (!offer?.task_id) throw new Error('no offer came')
  const { task_id } = offer
  await client.claim(task_id, 1)
  let batch = 0
  const write = async () => {
    batch += 1
    const at = new Date().toISOString()
    const line = (_: unknown, i: number) => ({
      type: 'log' as const,
      at,
      data: { stream: 'stdout' as const, text: `${batch}.${i}` },
    })
    await client.events(task_id, { attempt: 1, batch, events: Array.from({ length: perBatch }, line) })
  }
  return { id, write }
}

/** Watches a session through the client module; slowly, if it is told to: then its socket is not read meanwhile. */
function watch(session: string, turns: number) {
  let socket: WebSocket | undefined
  const client = openLive({
    address: async () => socketUrl(cloud.api, await api(Ticket, 'POST', '/socket-tickets', {})),
    connect: (url) => {
      socket = new WebSocket(url, { perMessageDeflate: false })
      return socket
    },
    clock: systemClock,
    random: Math.random,
    timing: liveTiming,
    report: (error) => {
      throw error
    },
  })
  clients.push(client)
  const seen: number[] = []
  const read = async () => {
    socket?.pause()
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    socket?.resume()
  }
  client.session(session, 0, {
    on: (list) => {
      seen.push(...list.map(({ seq }) => seq))
      return turns > 0 ? read() : undefined
    },
  })
  return { seen, cut: () => socket?.terminate() }
}

/** Writes while a third of the viewers come and go and a third are slow; answers when all have seen all. */
async function scene(name: string, meanwhile: (batch: number) => Promise<void>) {
  const { chance } = randomOf(7)
  const { id, write } = await writer(name)
  const all = Array.from({ length: viewers }, (_, i) => watch(id, i % 3 === 1 ? 20 : 0))
  for (let batch = 0; batch < batches; batch += 1) {
    await write()
    await meanwhile(batch)
    for (const [i, { cut }] of all.entries()) if (i % 3 === 0 && chance(0.1)) cut()
  }
  const { last_seq } = await api(Session, 'GET', `/sessions/${id}`)
  expect(last_seq).toBeGreaterThan(events)
  await waitFor(
    'every viewer',
    deadline,
    () => all.every(({ seen }) => seen.length >= last_seq) || null,
  ).catch(() => {})
  // Compared by hand: two million expectations take longer than the frames they are about.
  const faults = all.flatMap(({ seen }, viewer) => {
    const at = seen.findIndex((seq, i) => seq !== i + 1)
    return at === -1 && seen.length === last_seq ? [] : [{ viewer, at, saw: seen[at], of: seen.length }]
  })
  expect(faults).toEqual([])
  for (const client of clients.splice(0)) client.close()
}

test(
  'of many viewers a third come and go and a third are slow, and all see each event once, in order',
  () => scene('steady', async () => {}),
  deadline + 60_000,
)

test(
  'the same while the broadcast function is killed and restarted, and its queue purged',
  () =>
    scene('broken', async (batch) => {
      if (batch === 8) {
        broadcaster.dead = true
        await broadcaster.close()
      }
      if (batch === 16) broadcaster.dead = false
      if (batch === 24 || batch === 39)
        await sqs.send(new PurgeQueueCommand({ QueueUrl: cloud.environment.QUEUE_BROADCAST_URL }))
      if (batch === 32) await broadcaster.close()
    }),
  deadline + 60_000,
)
