import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { step } from '#core/step/step'
import { WakeMessage } from '#core/wake/wake'
import { underWakes } from './context.ts'
import { closeServices, services } from './services.ts'

/** Decodes a batch of wakes, takes one step for all of them, and names those that must come again. */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const { step: engine, log, timings } = services()
  const began = performance.now()
  const wakes: WakeMessage[] = []
  const refused: string[] = []
  for (const { messageId, body } of event.Records) {
    const wake = decode(body)
    if (wake) wakes.push(wake)
    else {
      refused.push(messageId)
      log.error('wake_refused', { message_id: messageId })
    }
  }
  try {
    if (wakes.length > 0) await underWakes(wakes, () => step(engine, wakes))
    return answer(refused)
  } catch (error) {
    log.error('step_failed', { error, request_id: wakes[0]?.request_id })
    return answer(event.Records.map(({ messageId }) => messageId))
  } finally {
    timings.observe('orchestrator_step_duration_seconds', [], (performance.now() - began) / 1_000)
    await timings.flush()
  }
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
