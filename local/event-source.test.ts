import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import type { SQSEvent } from 'aws-lambda'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { failedIds } from './event-source/records.ts'
import { type EventSource, startEventSource } from './event-source.ts'
import type { Invoke } from './invoke.ts'
import { ensureQueues, type QueueAddress } from './services/bootstrap.ts'
import type { Service } from './services/service.ts'
import { startSqs } from './services/sqs.ts'
import { waitFor } from './wait.ts'

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
let service: Service
let client: SQSClient
let queue: QueueAddress & { name: string }
let made = 0

beforeAll(async () => {
  service = await startSqs({ region: 'us-east-1', port: 0, deadlineMs: 5_000 })
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  client = new SQSClient({ region: 'us-east-1', endpoint: service.url, credentials })
})

afterAll(async () => {
  client.destroy()
  await service.stop()
})

beforeEach(async () => {
  made += 1
  const name = `queue-${made}`
  const queues = await ensureQueues(client, service.url, {
    [name]: { visibility_seconds: 1, max_receives: 2 },
  })
  const found = queues.get(name)
  if (found === undefined) throw new Error('no queue')
  queue = { ...found, name }
})

const start = (invoke: Invoke, max_concurrency = 5, batch_size = 10): EventSource =>
  startEventSource({ client, queue, invoke, batch_size, window_seconds: 0, max_concurrency, log: () => {} })

const send = async (...bodies: string[]): Promise<void> => {
  const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }))
  await client.send(new SendMessageBatchCommand({ QueueUrl: queue.url, Entries }))
}

const inFlightOrWaiting = async (): Promise<number> => {
  const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const
  const command = new GetQueueAttributesCommand({ QueueUrl: queue.url, AttributeNames: [...AttributeNames] })
  const { Attributes = {} } = await client.send(command)
  return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0)
}

const recordsOf = (event: unknown) => (event as SQSEvent).Records

describe('an event source', () => {
  test('hands over whole records and deletes what the function finished', async () => {
    const records: SQSEvent['Records'] = []
    const source = start(async (event) => {
      records.push(...recordsOf(event))
    })
    await send('a', 'b', 'c')
    await waitFor('the messages', 5_000, async () =>
      records.length === 3 && (await inFlightOrWaiting()) === 0 ? true : null,
    )
    await source.stop()
    expect(records.map((record) => record.body).sort()).toEqual(['a', 'b', 'c'])
    expect(records[0]).toMatchObject({
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: expect.stringMatching(/^\d+$/) },
      eventSource: 'aws:sqs',
      eventSourceARN: queue.arn,
      awsRegion: 'us-east-1',
    })
  })

  test('gives back only the failed messages, and after two tries moves them to the dead letters', async () => {
    const tries: string[] = []
    const source = start(async (event) => {
      tries.push(
        ...recordsOf(event).map(({ body, attributes }) => `${body}${attributes.ApproximateReceiveCount}`),
      )
      const failed = recordsOf(event).filter((record) => record.body === 'bad')
      return { batchItemFailures: failed.map((record) => ({ itemIdentifier: record.messageId })) }
    })
    await send('good', 'bad')
    const dead = await waitFor('the dead letter', 10_000, async () => {
      const command = new ReceiveMessageCommand({ QueueUrl: queue.deadUrl, WaitTimeSeconds: 1 })
      return (await client.send(command)).Messages?.[0] ?? null
    })
    await source.stop()
    expect(dead.Body).toBe('bad')
    expect(tries.toSorted()).toEqual(['bad1', 'bad2', 'good1'])
  })

  test('gives the whole batch back when the function throws', async () => {
    const tries: string[] = []
    const source = start(async (event) => {
      tries.push(...recordsOf(event).map((record) => record.body))
      if (tries.length <= 2) throw new Error('no')
    })
    await send('a', 'b')
    await waitFor('the second try', 10_000, async () =>
      tries.length >= 4 && (await inFlightOrWaiting()) === 0 ? true : null,
    )
    await source.stop()
    expect(tries.toSorted()).toEqual(['a', 'a', 'b', 'b'])
  })

  test('never runs more batches at once than it may', async () => {
    let running = 0
    let most = 0
    let done = 0
    const source = start(
      async () => {
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setTimeout(resolve, 30))
        running -= 1
        done += 1
      },
      2,
      1,
    )
    await send('1', '2', '3', '4', '5', '6')
    await waitFor('all six', 5_000, () => (done === 6 ? true : null))
    await source.stop()
    expect(most).toBe(2)
  })
})

describe('a batch answer', () => {
  const batch = new Set(['a', 'b'])

  test('that is empty means success', () => {
    for (const answer of [undefined, null, {}, { batchItemFailures: [] }, { batchItemFailures: null }]) {
      expect(failedIds(answer, batch)).toEqual(new Set())
    }
  })

  test('that is malformed or names a stranger means that all failed', () => {
    for (const item of [{ itemIdentifier: 'c' }, { itemIdentifier: '' }, {}, null, 'a']) {
      expect(failedIds({ batchItemFailures: [item] }, batch)).toBeNull()
    }
    expect(failedIds({ batchItemFailures: 'a' }, batch)).toBeNull()
  })
})
