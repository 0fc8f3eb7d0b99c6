import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs'
import { maxDelaySeconds, type Wake, type WakeMessage } from '#core/wake/wake'
import type { Log } from './log.ts'

const entriesPerCall = 10
const deadlineMs = 3_000

/**
 * Sends wakes to the steps queue, the same one once a call. Never throws: what is lost here is found by the
 * sweep, because it is due in the row. `MessageGroupId` keeps a busy tenant from starving the others.
 */
export function sqsWakes(options: { queue_url: string; log: Log; request_id?: () => string | undefined }) {
  const client = new SQSClient({ maxAttempts: 2 })

  async function send(wakes: Wake[]) {
    const unique = new Map(wakes.map((wake) => [JSON.stringify(wake), wake]))
    const all = [...unique.values()]
    const calls: Promise<unknown>[] = []
    for (let i = 0; i < all.length; i += entriesPerCall)
      calls.push(sendBatch(all.slice(i, i + entriesPerCall)))
    await Promise.all(calls)
  }

  async function sendBatch(wakes: Wake[]) {
    const request_id = options.request_id?.()
    const Entries = wakes.map(({ delay_seconds, ...wake }, i) => {
      const message: WakeMessage = request_id ? { ...wake, request_id } : wake
      return {
        Id: String(i),
        MessageBody: JSON.stringify(message),
        MessageGroupId: wake.tenant_id,
        DelaySeconds: Math.min(maxDelaySeconds, delay_seconds ?? 0),
      }
    })
    try {
      const command = new SendMessageBatchCommand({ QueueUrl: options.queue_url, Entries })
      const { Failed = [] } = await client.send(command, { abortSignal: AbortSignal.timeout(deadlineMs) })
      if (Failed.length > 0)
        options.log.warn('wake_failed', { count: Failed.length, reason: Failed[0]?.Message })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      options.log.warn('wake_failed', { count: wakes.length, reason })
    }
  }

  return { send, close: () => client.destroy() }
}
