import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { SQSEvent } from 'aws-lambda'
import { afterAll, expect, test } from 'vitest'
import { defaultTenant } from '#core/actor'
import { listDeadLetters } from '#core/dead-letter/list'
import { redriveDeadLetter } from '#core/dead-letter/redrive'
import { newId } from '#core/id'
import { sqsDeadLetters } from '#functions/dead-letters'
import { type EventSource, startEventSource } from '#local/event-source'
import type { Invoke } from '#local/invoke'
import { ensureQueues } from '#local/services/bootstrap'
import { startSqs } from '#local/services/sqs'
import { waitFor } from '#local/wait'

const service = await startSqs({ region: 'us-east-1', port: 0, deadlineMs: 5_000 })
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
const client = new SQSClient({ region: 'us-east-1', endpoint: service.url, credentials })
const plan = { visibility_seconds: 1, max_receives: 2 }
const made = await ensureQueues(client, service.url, { steps: plan, broadcast: plan })
const sources: EventSource[] = []
afterAll(async () => {
  for (const source of sources) await source.stop()
  client.destroy()
  await service.stop()
})

function queueOf(name: string) {
  const found = made.get(name)
  if (!found) throw new Error(`no queue ${name}`)
  return { name, ...found }
}
const [steps, broadcast] = [queueOf('steps'), queueOf('broadcast')]
const deadLetters = sqsDeadLetters(client, {
  steps: { url: steps.url, dead_url: steps.deadUrl },
  broadcast: { url: broadcast.url, dead_url: broadcast.deadUrl },
})
const services = { deadLetters }
const actor = { kind: 'system' as const, tenant_id: defaultTenant }
const stranger = { kind: 'system' as const, tenant_id: newId('tenant') }
const first = { limit: 20, before: null }

const send = (queue: { url: string }, message: object) =>
  client.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: JSON.stringify(message) }))

function consume(queue: typeof steps, invoke: Invoke) {
  const options = { batch_size: 10, window_seconds: 0, max_concurrency: 1, pollSeconds: 1 }
  sources.push(startEventSource({ client, queue, invoke, log: () => {}, ...options }))
}
const bodiesOf = (event: unknown) => (event as SQSEvent).Records.map(({ body }) => JSON.parse(body))

test('what poisons its queue is listed with the reason, sent again by its tenant alone, and then dealt with', async () => {
  const wake = { kind: 'session', tenant_id: defaultTenant, session_id: newId('session') }
  const channel = { kind: 'fleet', tenant_id: defaultTenant, id: defaultTenant }
  const done: unknown[] = []
  let poisoned = true
  for (const queue of [steps, broadcast])
    consume(queue, async (event) => {
      if (poisoned) throw new Error('no')
      done.push(...bodiesOf(event))
    })
  await send(steps, wake)
  await send(steps, { kind: 'unheard-of', tenant_id: defaultTenant })
  await send(steps, { kind: 'of nobody' })
  await send(broadcast, channel)
  await waitFor('the dead letters', 20_000, async () =>
    (await deadLetters.look()).length === 4 ? true : null,
  )
  const { items } = await listDeadLetters(services, actor, first)
  const found = items.map(({ queue, reason, body }) => [queue, reason, JSON.parse(body).kind])
  expect(found.sort()).toEqual([
    ['broadcast', 'unanswered', 'fleet'],
    ['steps', 'malformed', 'unheard-of'],
    ['steps', 'unanswered', 'session'],
  ])
  for (const { receives, sent_at } of items) {
    expect(receives).toBeGreaterThanOrEqual(plan.max_receives)
    expect(Date.now() - Date.parse(sent_at)).toBeLessThan(60_000)
  }

  const letter = items.find(({ body }) => JSON.parse(body).kind === 'session')
  const id = letter?.id ?? ''
  expect((await listDeadLetters(services, stranger, first)).items).toEqual([])
  await expect(redriveDeadLetter(services, stranger, id)).rejects.toMatchObject({ code: 'not_found' })
  expect((await listDeadLetters(services, actor, first)).items).toHaveLength(3)

  poisoned = false
  expect(await redriveDeadLetter(services, actor, id)).toMatchObject({ id, queue: 'steps' })
  await waitFor('the work', 10_000, () => (done.length > 0 ? true : null))
  expect(done).toEqual([wake])
  const left = await listDeadLetters(services, actor, first)
  expect(left.items.map((one) => one.id)).not.toContain(id)
  expect(left.items).toHaveLength(2)
  await expect(redriveDeadLetter(services, actor, id)).rejects.toMatchObject({ code: 'not_found' })
})

test('queues that cannot be asked are said to be away, and nothing is lost', async () => {
  const away = new SQSClient({
    region: 'us-east-1',
    endpoint: 'http://127.0.0.1:1',
    credentials,
    maxAttempts: 1,
  })
  const pair = { url: 'http://127.0.0.1:1/a', dead_url: 'http://127.0.0.1:1/b' }
  const blind = { deadLetters: sqsDeadLetters(away, { steps: pair, broadcast: pair }) }
  await expect(listDeadLetters(blind, actor, first)).rejects.toMatchObject({
    ...{ code: 'dependency_unavailable', retryable: true },
  })
})
