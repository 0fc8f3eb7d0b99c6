import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { broadcast } from '#core/live/broadcast'
import { type LiveMessage, readLiveMessage } from '#core/live/channel'
import type { Holds } from '#core/live/fan-out'
import { openLive } from '../live/services.ts'
import { underRequest } from '../request.ts'

function open() {
  const holds: Holds = new Map()
  return { ...openLive('broadcast'), holds }
}

let opened: ReturnType<typeof open> | undefined

/** Decodes a batch of wakes, looks at their channels, and names those that must come again. */
export function handler(event: SQSEvent, { awsRequestId }: Pick<Context, 'awsRequestId'>) {
  return underRequest(awsRequestId, () => handle(event))
}

async function handle(event: SQSEvent): Promise<SQSBatchResponse> {
  opened ??= open()
  const { live, holds, log, timings } = opened
  const messages = new Map<string, LiveMessage>()
  const failed: string[] = []
  for (const { messageId, body } of event.Records) {
    const message = readLiveMessage(body)
    if (message) messages.set(messageId, message)
    else {
      failed.push(messageId)
      log.error('wake_refused', { message_id: messageId })
    }
  }
  const again = new Set(await broadcast(live, holds, [...messages.values()]))
  await timings.flush()
  for (const [id, message] of messages) if (again.has(message)) failed.push(id)
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
}

export async function close() {
  const last = opened
  opened = undefined
  await last?.close()
}
