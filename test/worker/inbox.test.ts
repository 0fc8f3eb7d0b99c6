import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type LiveTiming, liveTiming } from '#core/live/client/inputs'
import { defaultTiming, type WorkerConfig } from '#functions/worker/config'
import { type Script, scriptedEngine } from '#functions/worker/engine/scripted'
import { runWorker } from '#functions/worker/worker'
import { randomOf } from '../simulation/random.ts'
import { assignment, ControlPlane } from './control-plane.ts'

let folder: string
let plane: ControlPlane
let stop: AbortController
let running: Promise<number> | undefined
let said: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inbox-'))
  plane = await new ControlPlane().start()
  stop = new AbortController()
  said = []
})
afterEach(async () => {
  stop.abort()
  await running
  await plane.stop()
  await rm(folder, { recursive: true, force: true })
})

/** So impatient that whatever can go wrong goes wrong often. */
const impatient = {
  ...liveTiming,
  backoff: { first: 5, longest: 20 },
  refused: { first: 5, longest: 20 },
  quiet: 100,
  pong: 100,
  answer: 20,
  confirm: 50,
  tick: 5,
}

function startWorker(script: Script, live: LiveTiming, slot = defaultTiming.slot) {
  const config: WorkerConfig = {
    apiUrl: plane.url,
    name: 'one',
    capabilities: ['CODE_GENERATION'],
    capacity: 2,
    labels: [],
    home: join(folder, 'one'),
    model: { kind: 'rehearsal', url: '' },
    timing: { ...defaultTiming, checkpointEvery: 0, live, slot },
  }
  const log = (event: string) => void said.push(event)
  running = runWorker(config, { engine: scriptedEngine(script), signal: stop.signal, log })
}

const until = (true_now: () => boolean) => vi.waitUntil(true_now, { timeout: 15_000, interval: 2 })

/** Tells at its end what it was steered with, each time. */
const listens: Script = async function* ({ steered }) {
  yield { type: 'log', data: { stream: 'text', text: 'listening\n' } }
  await until(() => steered.includes('end'))
  yield { type: 'log', data: { stream: 'text', text: steered.join('\n') } }
}

/** A worker that holds a task and listens. */
async function listening(live: LiveTiming = impatient) {
  startWorker(listens, live)
  const given = assignment()
  const over = plane.offer(given)
  await plane.until(given.task.id, ({ logs }) => logs.some(({ text }) => text.includes('listening')))
  const send = (text: string) => plane.send('MESSAGE', given, { message_id: text, text })
  const waiting = () => plane.live.unacked(plane.agent).length
  /** Ends the task and answers what it was steered with. */
  async function heard() {
    await until(() => waiting() === 0)
    send('end')
    await over
    return plane.text(given.task.id, 'text').split('\n').slice(1, -1)
  }
  return { given, send, heard, waiting }
}

const all = (count: number) => Array.from({ length: count }, (_, i) => `message ${i}`)

test('items come over the socket, and REST is not read while it is live', async () => {
  const { send, heard } = await listening(liveTiming)
  await until(() => said.includes('inbox_connected'))
  const before = plane.reads
  for (const text of all(20)) send(text)
  expect(await heard()).toEqual(all(20))
  expect(plane.reads).toBe(before)
})

test('without sockets items are read over REST as ever', async () => {
  plane.live.unknown = true
  const { send, heard } = await listening()
  for (const text of all(20)) send(text)
  expect(await heard()).toEqual(all(20))
  expect(said).not.toContain('inbox_connected')
})

test('a worker that was refused a socket takes one as soon as it may, without being restarted', async () => {
  plane.live.unknown = true
  const { send, heard, waiting } = await listening()
  send('over REST')
  await until(() => waiting() === 0)
  expect(said).not.toContain('inbox_connected')
  plane.live.unknown = false
  await until(() => said.includes('inbox_connected'))
  send('over the socket')
  expect(await heard()).toEqual(['over REST', 'over the socket'])
})

test('a socket that breaks loses nothing: REST reads on, and the next socket brings what waits', async () => {
  const { send, heard, waiting } = await listening()
  await until(() => said.includes('inbox_connected'))
  plane.live.shut = true
  plane.live.kill()
  send('over REST')
  await until(() => waiting() === 0)
  const connected = said.filter((event) => event === 'inbox_connected').length
  plane.live.shut = false
  await until(() => said.filter((event) => event === 'inbox_connected').length > connected)
  send('over the socket')
  expect(await heard()).toEqual(['over REST', 'over the socket'])
  expect(said).toContain('inbox_disconnected')
})

test.each([1, 2])(
  'sockets cut at random, frames lost and repeated: each item is dealt with once (seed %i)',
  async (seed) => {
    const { chance } = randomOf(seed)
    plane.live.wire = (frames) =>
      frames.flatMap((frame) => (chance(0.3) ? [] : chance(0.4) ? [frame, frame] : [frame]))
    const { send, heard } = await listening()
    for (const text of all(100)) {
      send(text)
      if (chance(0.15)) plane.live.kill()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect((await heard()).sort()).toEqual(all(100).sort())
  },
)

test('an item whose acknowledgement failed is acknowledged again, and dealt with once', async () => {
  const { given, heard, waiting } = await listening()
  await until(() => said.includes('inbox_connected'))
  plane.deaf = 4
  plane.send('INTERRUPT', given, { reason: 'checkpoint' })
  await until(() => waiting() === 0)
  await plane.until(given.task.id, ({ checkpoints }) => checkpoints.length > 0)
  await heard()
  expect(plane.acks.length).toBeGreaterThan(4)
  const asked = plane.seen(given.task.id).checkpoints.filter(({ trigger }) => trigger === 'MANUAL')
  expect(asked).toHaveLength(1)
})

/** Two tasks that have both of its slots, and a third one that is offered. */
async function oneTooMany(slot?: number) {
  startWorker(listens, liveTiming, slot)
  const tasks = ['a', 'b', 'c'].map((key) => assignment({ key }))
  const isListening = (id: string) => plane.until(id, ({ logs }) => logs.length > 0)
  const [a, b, c] = tasks
  if (!a || !b || !c) throw new Error('Three are needed.')
  const over = [plane.offer(a), plane.offer(b)]
  await Promise.all([isListening(a.task.id), isListening(b.task.id)])
  const end = (one: typeof a) => plane.send('MESSAGE', one, { message_id: one.task.key, text: 'end' })
  return { a, b, c, over, offered: plane.offer(c), isListening, end }
}

test('an offer waits for a slot that is about to be free, and keeps nobody from a message', async () => {
  const { a, b, c, over, offered, isListening, end } = await oneTooMany()
  end(a)
  await isListening(c.task.id)
  end(b)
  end(c)
  const ended = await Promise.all([...over, offered])
  expect(ended.map(({ call }) => call)).toEqual(['complete', 'complete', 'complete'])
})

test('an offer is declined when no slot becomes free in time', async () => {
  const { a, b, over, offered, end } = await oneTooMany(20)
  expect(await offered).toEqual({ call: 'decline', body: { attempt: 1, reason: 'all slots are taken' } })
  end(a)
  end(b)
  await Promise.all(over)
})
