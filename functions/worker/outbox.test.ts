import { createServer, type Server } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newId } from '#core/id'
import { EventBatch } from '#core/task/wire'
import { noUsage } from '#core/usage/usage'
import { Client } from './client.ts'
import { Outbox, splitLog, splitText } from './outbox.ts'

type Reply = { status: number; body: unknown }

let server: Server
let batches: EventBatch[]
let replies: Reply[]
let gate: Promise<void>
let most: { bytes: number; inFlight: number }
let over: AbortController
let said: string[]
let api = ''

beforeEach(async () => {
  batches = []
  replies = []
  said = []
  gate = Promise.resolve()
  most = { bytes: 0, inFlight: 0 }
  over = new AbortController()
  let inFlight = 0
  server = createServer(async (request, response) => {
    inFlight += 1
    most.inFlight = Math.max(most.inFlight, inFlight)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const raw = Buffer.concat(chunks)
    await gate
    inFlight -= 1
    const reply = replies.shift()
    if (!reply || reply.status === 200) {
      most.bytes = Math.max(most.bytes, raw.length)
      batches.push(EventBatch.parse(JSON.parse(raw.toString())))
    }
    response.writeHead(reply?.status ?? 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(reply?.body ?? { last_batch: batches.length, action: 'continue' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  api = typeof address === 'object' && address ? `http://127.0.0.1:${address.port}` : ''
})
afterEach(async () => {
  over.abort()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function outbox(limits?: ConstructorParameters<typeof Outbox>[0]['limits']) {
  return new Outbox({
    client: new Client(api),
    task: newId('task'),
    attempt: 1,
    signal: over.signal,
    onAction: (action) => said.push(action),
    onLost: (error) => said.push(`lost: ${error}`),
    gatherMs: 1,
    ...(limits ? { limits } : {}),
  })
}

function events() {
  return batches.flatMap((batch) => batch.events.map(({ data }) => data))
}

test('batches are numbered from one, arrive once and in order, one in flight', async () => {
  const box = outbox()
  for (let i = 0; i < 1_000; i += 1) await box.push({ stream: 'stdout', text: `${i}` })
  await box.flush()
  expect(batches.map(({ batch }) => batch)).toEqual(batches.map((_, i) => i + 1))
  expect(events().map(({ text }) => text)).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i}`))
  expect(most.inFlight).toBe(1)
  expect(box.batch).toBe(batches.length)
})

test('a retryable answer is tried again with the same batch number', async () => {
  replies = [{ status: 503, body: { code: 'dependency_unavailable', retryable: true } }]
  const box = outbox()
  await box.push({ stream: 'text', text: 'hello' })
  await box.flush()
  expect(batches.map(({ batch }) => batch)).toEqual([1])
})

test('a stale attempt ends the outbox: nothing more is sent, and nobody waits', async () => {
  replies = [{ status: 409, body: { code: 'stale_attempt', detail: 'another attempt' } }]
  const box = outbox()
  await box.push({ stream: 'text', text: 'hello' })
  await expect(box.flush()).rejects.toThrow('another attempt')
  await box.push({ stream: 'text', text: 'more' })
  expect(batches).toEqual([])
  expect(said).toEqual(['lost: ApiError: another attempt'])
})

test('while the api does not answer, push waits instead of growing the buffer', async () => {
  let open: () => void = () => undefined
  gate = new Promise((resolve) => {
    open = resolve
  })
  const box = outbox({ events: 10, bytes: 1e6, batch: 5, batchBytes: 1e6, eventBytes: 20_000 })
  let pushed = 0
  const all = (async () => {
    for (let i = 0; i < 100; i += 1) {
      await box.push({ stream: 'stdout', text: `${i}` })
      pushed = i + 1
    }
  })()
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  expect(pushed).toBeLessThanOrEqual(15)
  open()
  await all
  await box.flush()
  expect(events()).toHaveLength(100)
})

test('the pieces of a streamed text are joined, keep their order and are numbered without a gap', async () => {
  const box = outbox({ events: 1e3, bytes: 1e6, batch: 3, batchBytes: 1e6, eventBytes: 2_000 })
  for (let i = 0; i < 3_000; i += 1) {
    await box.push({ stream: 'text', text: 'é', call: 'prt_1', part: i === 0 ? 0 : 1, more: true })
  }
  await box.push({ stream: 'text', text: '', call: 'prt_1', part: 1 })
  await box.flush()
  const found = events()
  expect(found.map(({ text }) => text).join('')).toBe('é'.repeat(3_000))
  expect(found.map(({ part }) => part)).toEqual(found.map((_, i) => i))
  expect(found.map(({ more }) => more ?? false)).toEqual(found.map((_, i) => i < found.length - 1))
})

test('usage is a delta: what was reported is not reported again', async () => {
  const box = outbox()
  box.report({ ...noUsage, output_tokens: 5 })
  await box.flush()
  box.report({ ...noUsage, output_tokens: 7 })
  await box.flush()
  expect(batches.map(({ usage }) => usage?.output_tokens)).toEqual([5, 7])
})

test('the answer’s word to pause is passed on', async () => {
  replies = [{ status: 200, body: { last_batch: 1, action: 'pause' } }]
  const box = outbox()
  await box.push({ stream: 'text', text: 'x' })
  await box.flush()
  expect(said).toEqual(['pause'])
})

test('a body stays under 1 MB and an event under 24 KB however much is said, and nothing is cut', async () => {
  const box = outbox()
  const text = '\u001b[31m"\\é😀\n'.repeat(200_000)
  await box.push({ stream: 'stdout', text, tool: 'bash', call: 'c' })
  await box.flush()
  expect(
    events()
      .map((event) => event.text)
      .join(''),
  ).toBe(text)
  expect(most.bytes).toBeLessThan(1_000_000)
  for (const event of batches.flatMap((batch) => batch.events)) {
    expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThanOrEqual(24 * 1024)
  }
})

test('text is never cut inside a character', () => {
  for (const limit of [10, 11, 12, 13]) {
    const pieces = splitText('a😀b😀😀c'.repeat(20), limit)
    expect(pieces.join('')).toBe('a😀b😀😀c'.repeat(20))
    for (const piece of pieces) expect(Buffer.from(piece).toString()).toBe(piece)
  }
})

test('short text is one event without a part', () => {
  expect(splitLog({ stream: 'text', text: 'hi' })).toEqual([{ stream: 'text', text: 'hi' }])
})
