import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { type DeadLetters, type Letter, letterQueues, tenantOf } from '#core/dead-letter/dead-letter'

/** SQS hands out so many at a time. */
const perCall = 10
/** A look at one queue ends here. */
const mostSeen = 200
/** Who looks keeps others from seeing a message for this long at most, should it die before it gives it back; in s. */
const heldSeconds = 10
const deadlineMs = 5_000
/** How often one that somebody else looks at just then is waited for, a second each time. */
const tries = 5

type Pair = { url: string; dead_url: string | undefined }

/** Dead letters by real calls of SQS, which can only tell of messages by handing them out: each is given back. */
export function sqsDeadLetters(client: SQSClient, queues: Record<Letter['queue'], Pair>): DeadLetters {
  const within = () => ({ abortSignal: AbortSignal.timeout(deadlineMs) })

  async function receive(QueueUrl: string, WaitTimeSeconds: number) {
    const command = new ReceiveMessageCommand({
      QueueUrl,
      WaitTimeSeconds,
      MaxNumberOfMessages: perCall,
      VisibilityTimeout: heldSeconds,
      MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
    })
    return (await client.send(command, within())).Messages ?? []
  }

  async function giveBack(QueueUrl: string, messages: Message[]) {
    const back = messages.map(({ ReceiptHandle }) =>
      client.send(
        new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }),
        within(),
      ),
    )
    // One that cannot be given back shows again by itself.
    await Promise.allSettled(back)
  }

  async function lookAt(queue: Letter['queue']): Promise<Letter[]> {
    const { dead_url } = queues[queue]
    if (dead_url === undefined) return []
    const seen: Message[] = []
    try {
      for (let more = true; more && seen.length < mostSeen; ) {
        const found = await receive(dead_url, 0)
        seen.push(...found)
        more = found.length > 0
      }
    } finally {
      await giveBack(dead_url, seen)
    }
    return seen.map((message) => letterOf(queue, message))
  }

  /** Holds the message of an id, and gives back the others. */
  async function find(dead_url: string, id: string) {
    const others: Message[] = []
    try {
      for (let i = 0; i < tries; ) {
        const found = await receive(dead_url, 1)
        const one = found.find(({ MessageId }) => MessageId === id)
        others.push(...found.filter((message) => message !== one))
        if (one) return one
        if (found.length === 0) i++
        if (others.length >= mostSeen) return null
      }
      return null
    } finally {
      await giveBack(dead_url, others)
    }
  }

  return {
    look: async () => (await Promise.all(letterQueues.map(lookAt))).flat(),
    async redrive({ id, queue }) {
      const { url, dead_url } = queues[queue]
      const message = dead_url === undefined ? null : await find(dead_url, id)
      if (!message) return false
      // Sent before it is taken off: dying in between leaves two, and a wake that comes twice changes nothing.
      const { Body = '', ReceiptHandle } = message
      const group = tenantOf({ body: Body })
      const send = { QueueUrl: url, MessageBody: Body, ...(group ? { MessageGroupId: group } : {}) }
      await client.send(new SendMessageCommand(send), within())
      await client.send(new DeleteMessageCommand({ QueueUrl: dead_url, ReceiptHandle }), within())
      return true
    },
  }
}

function letterOf(queue: Letter['queue'], { MessageId = '', Body = '', Attributes = {} }: Message): Letter {
  const sent_at = new Date(Number(Attributes.SentTimestamp ?? 0)).toISOString()
  return {
    id: MessageId,
    queue,
    receives: Number(Attributes.ApproximateReceiveCount ?? 0),
    sent_at,
    body: Body,
  }
}
