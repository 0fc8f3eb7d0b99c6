import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs'
import { maxDelaySeconds } from '#core/wake/delay'
import type { Log } from './log.ts'

const entriesPerCall = 10
const deadlineMs = 3_000

/** A message as it is sent: `group` keeps a busy tenant from starving the others. */
export type QueueEntry = { body: string; group: string; delay_seconds?: number | undefined }

/** Sends messages to a queue, the same one once a call. Never throws: what our messages say is found without them. */
export function sqsSender(options: { queue_url: string; log: Log }) {
  const client = new SQSClient({ maxAttempts: 2 })

  async function send(entries: QueueEntry[]) {
    const unique = new Map(entries.map((entry) => [JSON.stringify(entry), entry]))
    const all = [...unique.values()]
    const calls: Promise<unknown>[] = []
    for (let i = 0; i < all.length; i += entriesPerCall)
      calls.push(sendBatch(all.slice(i, i + entriesPerCall)))
    await Promise.all(calls)
  }

  async function sendBatch(entries: QueueEntry[]) {
    const Entries = entries.map(({ body, group, delay_seconds }, i) => ({
      Id: String(i),
      MessageBody: body,
      MessageGroupId: group,
      DelaySeconds: Math.min(maxDelaySeconds, delay_seconds ?? 0),
    }))
    try {
      const command = new SendMessageBatchCommand({ QueueUrl: options.queue_url, Entries })
      const { Failed = [] } = await client.send(command, { abortSignal: AbortSignal.timeout(deadlineMs) })
      if (Failed.length > 0)
        options.log.warn('wake_failed', { count: Failed.length, reason: Failed[0]?.Message })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      options.log.warn('wake_failed', { count: entries.length, reason })
    }
  }

  return { send, close: () => client.destroy() }
}
