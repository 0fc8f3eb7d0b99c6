import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { LookAtQueue, QueueDepth } from '#core/fleet/queues'

/** The queue is asked at most this often however many people watch, and given up after the deadline; ms. */
const keptMs = 2_000
const deadlineMs = 1_500

const asked = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const

/** How much stands in a queue and in its dead-letter queue, null when it cannot be asked. Never throws. */
export function queueDepth(client: SQSClient, queue_url: string, dead_url: string | undefined): LookAtQueue {
  let known: { at: number; depth: Promise<QueueDepth | null> } | undefined

  async function attributes(QueueUrl: string) {
    const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...asked] })
    const abortSignal = AbortSignal.timeout(deadlineMs)
    const { Attributes = {} } = await client.send(command, { abortSignal })
    const [waiting = 0, in_flight = 0] = asked.map((name) => Number(Attributes[name] ?? 0))
    return { waiting, in_flight }
  }

  async function ask(): Promise<QueueDepth | null> {
    const dead = dead_url === undefined ? null : attributes(dead_url).catch(() => null)
    try {
      const [depth, letters] = await Promise.all([attributes(queue_url), dead])
      return { ...depth, dead_letters: letters?.waiting ?? null }
    } catch {
      return null
    }
  }

  return () => {
    const now = Date.now()
    if (!known || now - known.at > keptMs) known = { at: now, depth: ask() }
    return known.depth
  }
}
