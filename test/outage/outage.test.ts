import { SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { lookAtService } from '#functions/cli/doctor/service'
import * as product from '#infra/wiring'
import { anyPorts, type LocalCloud, startLocal } from '#local/cloud'
import { temporaryFolder } from '#local/fixtures'
import { ensureQueues } from '#local/services/bootstrap'
import { startDynamoDb } from '#local/services/dynamodb'
import { startPostgres } from '#local/services/postgres'
import { startRedis } from '#local/services/redis'
import type { Service } from '#local/services/service'
import { startSqs } from '#local/services/sqs'
import { waitFor } from '#local/wait'
import { type Client, clientOf, registerWorker } from '../fleet/worker.ts'

/**
 * The product on stores of its own, each of which is really ended while work is under way, and started again on the
 * data it had. SQS has none: its messages are lost with it.
 */
type Store = 'postgres' | 'redis' | 'sqs' | 'dynamodb'

const deadlineMs = 30_000
/** What a sweep has sent in vain is sent again 30 s later, by one of these that come each second. */
const resentMs = 60_000
const folder = temporaryFolder()
const data = folder.path
const restarted: Service[] = []
let cloud: LocalCloud
let call: Client
let worker: Awaited<ReturnType<typeof registerWorker>>
let silence = () => {}

beforeAll(async () => {
  // A sweep a second: what it repairs within a minute is to be seen sooner.
  const wiring = { ...product, schedules: { sweep: { function: 'sweep', every_seconds: 1 } } }
  const env = { PATH: process.env.PATH }
  cloud = await startLocal({ data, env, ports: anyPorts, workers: [], wiring, write: () => {} })
  call = clientOf(cloud.url, cloud.key)
  worker = await registerWorker(call, 'one', ['CODE_GENERATION', 'INTEGRATION'])
  silence = worker.beat(500)
}, 60_000)

afterAll(async () => {
  silence()
  await cloud.stop()
  for (const service of restarted) await service.stop()
  folder.remove()
})

function serviceOf(name: Store) {
  const found = cloud.services.find((service) => service.name === name)
  if (!found) throw new Error(`There is no ${name}.`)
  return found
}

async function start(name: Store) {
  const port = Number(new URL(serviceOf(name).url).port)
  const region = cloud.environment.AWS_REGION ?? ''
  const starts = {
    postgres: () => startPostgres({ data, port, deadlineMs }),
    redis: () => startRedis({ data, port, deadlineMs }),
    sqs: () => startSqs({ region, port, deadlineMs }),
    dynamodb: () => startDynamoDb({ data, port, deadlineMs }),
  }
  const service = await starts[name]()
  restarted.push(service)
  if (name !== 'sqs') return
  const client = new SQSClient({ endpoint: service.url })
  await ensureQueues(client, service.url, product.queues)
  client.destroy()
}

const Session = z.object({ id: z.string(), state: z.string(), last_seq: z.int() })
const plan = {
  tasks: [{ key: 'write', title: 'Write', instruction: 'Write.', capability: 'CODE_GENERATION' }],
}
const body = { title: 'Goal', prompt: 'Reach it.', plan, start: true }
const done = {
  ...{ summary: 'done', commit: null, base_commit: null, artifact_id: null, patch_artifact_id: null },
  diff: null,
}
const log = (text: string) => ({
  type: 'log',
  at: '2026-01-01T00:00:00.000Z',
  data: { stream: 'stdout', text },
})

/** What a client does: the same request again while the answer says that this helps. */
async function again(method: string, path: string, sent: Parameters<Client>[2]) {
  return waitFor(`${method} ${path}`, deadlineMs, async () => {
    const answer = await call(method, path, sent)
    return answer.status >= 500 && answer.json?.retryable === true ? null : answer
  })
}

const create = async (once: string) => {
  const { status, json } = await again('POST', '/sessions', { body, once })
  expect(status).toBe(201)
  return Session.parse(json).id
}

async function complete(offer: { task_id: string; attempt: number }, batch: number) {
  const { token } = worker
  const sent = { body: { ...done, attempt: offer.attempt, batch }, token }
  expect((await again('POST', `/tasks/${offer.task_id}/complete`, sent)).status).toBeLessThan(300)
  worker.ended(offer.task_id)
}

const report = (offer: { task_id: string; attempt: number }, batch: number) => ({
  path: `/tasks/${offer.task_id}/events`,
  sent: { body: { attempt: offer.attempt, batch, events: [log(`line ${batch}`)] }, token: worker.token },
})

async function plain(path: string) {
  const answer = await fetch(`${cloud.url}${path}`, { signal: AbortSignal.timeout(20_000) })
  return { status: answer.status, json: z.looseObject({ status: z.unknown() }).parse(await answer.json()) }
}

async function doctorOn(name: string) {
  const { signal } = new AbortController()
  const api = { base: cloud.api, key: cloud.key, timeout_ms: 10_000, retry_ms: [], signal }
  const findings = await lookAtService(api, Date.now)
  return findings.find((finding) => finding.name.trim() === name)?.status
}

/** While it is away: what reads, writes, a worker's reports, and a ticket for a socket answer, and what /ready says. */
const outages = [
  { store: 'postgres', named: 'postgres', read: 503, write: 503, report: 503, ticket: 201, ready: 503 },
  { store: 'redis', named: 'redis', read: 200, write: 201, report: 200, ticket: 201, ready: 200 },
  { store: 'dynamodb', named: 'dynamodb', read: 200, write: 201, report: 200, ticket: 503, ready: 200 },
  { store: 'sqs', named: 'queue', read: 200, write: 201, report: 200, ticket: 201, ready: 503 },
] as const

describe.each(outages)('while $store is away', ({ store, named, ...expected }) => {
  test('reads go on where they can, writes are refused for now or kept, and all of it ends well', async () => {
    const before = await create(`${store}-before`)
    const offer = await worker.claim()
    expect((await call('POST', report(offer, 1).path, report(offer, 1).sent)).status).toBe(200)

    await serviceOf(store).stop()
    await Promise.all(restarted.filter(({ name }) => name === store).map(({ stop }) => stop()))

    expect(await plain('/health')).toMatchObject({ status: 200 })
    const ready = await plain('/ready')
    expect(ready).toMatchObject({
      status: expected.ready,
      json: { dependencies: { [named]: { ok: false } } },
    })
    expect(await doctorOn(named)).toBe('warning')
    const once = `${store}-during`
    const answers = {
      read: await call('GET', `/sessions/${before}`),
      write: await call('POST', '/sessions', { body, once }),
      report: await call('POST', report(offer, 2).path, report(offer, 2).sent),
      ticket: await call('POST', '/socket-tickets'),
    }
    for (const [what, { status, json }] of Object.entries(answers)) {
      expect({ what, status }).toEqual({ what, status: Reflect.get(expected, what) })
      if (status >= 500) expect(json).toMatchObject({ code: 'dependency_unavailable', retryable: true })
    }

    await start(store)
    await waitFor('/ready', deadlineMs, async () =>
      (await plain('/ready')).json.status === 'ok' ? true : null,
    )

    // What was refused is sent again, what was taken is not taken twice.
    const during = await create(once)
    expect(await create(once)).toBe(during)
    expect((await again('POST', report(offer, 2).path, report(offer, 2).sent)).status).toBe(200)
    await complete(offer, 2)
    for (let left = 3; left > 0; left--) await complete(await worker.claim(call, resentMs), 0)
    for (const id of [before, during]) {
      await waitFor(`${id} completed`, resentMs, async () => {
        const session = Session.parse((await call('GET', `/sessions/${id}`)).json)
        return session.state === 'COMPLETED' ? session : null
      })
      expect((await call('GET', `/sessions/${id}/verify`)).json).toMatchObject({ valid: true })
    }
    const { json } = await call('GET', `/sessions/${before}/events?types=log&limit=100`)
    expect(z.object({ items: z.array(z.unknown()) }).parse(json).items).toHaveLength(2)
  }, 300_000)
})
