import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { step } from '#core/step/step'
import { WakeMessage } from '#core/wake/wake'
import { underRequest } from '../request.ts'
import { closeServices, services } from './services.ts'

/** Decodes a batch of wakes, takes one step for all of them, and names those that must come again. */
export async function handler(
  { Records }: SQSEvent,
  { awsRequestId }: Pick<Context, 'awsRequestId'>,
): Promise<SQSBatchResponse> {
  const read = Records.map(({ messageId, body }) => ({ messageId, wake: decode(body) }))
  const wakes = read.flatMap(({ wake }) => wake ?? [])
  const refused = read.flatMap(({ messageId, wake }) => (wake ? [] : [messageId]))
  const { step: engine, log, timings } = services()
  const began = performance.now()

  async function run() {
    for (const message_id of refused) log.error('wake_refused', { message_id })
    try {
      if (wakes.length > 0) await step(engine, wakes)
      return answer(refused)
    } catch (error) {
      log.error('step_failed', { error })
      return answer(read.map(({ messageId }) => messageId))
    } finally {
      timings.observe('orchestrator_step_duration_seconds', [], (performance.now() - began) / 1_000)
      await timings.flush()
    }
  }
  return underRequest(oneOf(wakes) ?? awsRequestId, run, requestsOf(wakes))
}

/** The request behind all of them, when it is one. */
function oneOf(wakes: WakeMessage[]) {
  const ids = new Set(wakes.map(({ request_id }) => request_id))
  return ids.size === 1 ? [...ids][0] : undefined
}

function requestsOf(wakes: WakeMessage[]) {
  return new Map(
    wakes.flatMap((wake) =>
      wake.kind === 'session' && wake.request_id ? [[wake.session_id, wake.request_id] as const] : [],
    ),
  )
}

function decode(body: string) {
  try {
    return WakeMessage.parse(JSON.parse(body))
  } catch {
    return null
  }
}

function answer(ids: string[]): SQSBatchResponse {
  return { batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) }
}

export const close = closeServices
