import { setTimeout as pause } from 'node:timers/promises'
import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import type { SQSEvent } from 'aws-lambda'
import { failedIds, makeRecord } from './event-source/records.ts'
import type { Invoke } from './invoke.ts'
import { type Log, reasonOf } from './log.ts'
import { within } from './wait.ts'

export type EventSourceOptions = {
  client: SQSClient
  queue: { name: string; url: string; arn: string }
  invoke: Invoke
  batch_size: number
  /** How long a batch may wait for more messages; 0 takes what there is. */
  window_seconds: number
  /** Batches at once. */
  max_concurrency: number
  log: Log
  /** How long one receive waits for messages; SQS allows 20 s. */
  pollSeconds?: number
  /** Pause after a receive that failed; doubles up to 30 s. */
  retryMs?: number
  /** How long `stop` waits for batches in flight. */
  graceMs?: number
}

export type EventSource = { stop: () => Promise<void> }

/** SQS hands out and deletes at most this many at a time. */
const perCall = 10

/**
 * Feeds a queue to a function as Lambda's event source mapping does: batches, a window, bounded concurrency.
 * Messages that the function finished are deleted; the others are left, and come back when their visibility
 * timeout ends, to the dead-letter queue in the end. A throw, a timeout or an answer that is not understood
 * leaves the whole batch.
 */
export const startEventSource = (options: EventSourceOptions): EventSource => {
  const { client, queue, log, pollSeconds = 20, retryMs = 1_000, graceMs = 5_000 } = options
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  let receiving = new AbortController()

  const receive = async (count: number, waitSeconds: number): Promise<Message[]> => {
    const command = new ReceiveMessageCommand({
      QueueUrl: queue.url,
      MaxNumberOfMessages: Math.min(perCall, count),
      WaitTimeSeconds: waitSeconds,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    })
    // Not AbortSignal.any: in Node 20 its signal may be collected before it fires, and a stop would wait for the poll.
    receiving = new AbortController()
    const current = receiving
    const timer = setTimeout(() => current.abort(), (waitSeconds + 10) * 1000)
    try {
      return (await client.send(command, { abortSignal: current.signal })).Messages ?? []
    } finally {
      clearTimeout(timer)
    }
  }

  /** What the first receive brings, and with a window whatever else comes until it ends or the batch is full. */
  const gather = async (): Promise<Message[]> => {
    const batch = await receive(options.batch_size, pollSeconds)
    const until = Date.now() + options.window_seconds * 1000
    while (batch.length > 0 && batch.length < options.batch_size && !stopping.signal.aborted) {
      const left = until - Date.now()
      const full = options.window_seconds === 0 && batch.length % perCall === 0
      if (left <= 0 && !full) break
      const more = await receive(
        options.batch_size - batch.length,
        Math.min(1, Math.max(0, Math.floor(left / 1000))),
      )
      batch.push(...more)
      if (more.length === 0 && full) break
    }
    return batch
  }

  const remove = async (finished: readonly Message[]): Promise<void> => {
    for (let start = 0; start < finished.length; start += perCall) {
      const entries = finished.slice(start, start + perCall).map((message, index) => ({
        Id: String(index),
        ReceiptHandle: message.ReceiptHandle,
      }))
      const command = new DeleteMessageBatchCommand({ QueueUrl: queue.url, Entries: entries })
      await client.send(command, { abortSignal: AbortSignal.timeout(10_000) })
    }
  }

  const handle = async (batch: readonly Message[]): Promise<void> => {
    try {
      const event: SQSEvent = { Records: batch.map((message) => makeRecord(message, queue.arn)) }
      const answer = await options.invoke(event)
      const failed = failedIds(answer, new Set(event.Records.map((record) => record.messageId)))
      if (failed === null) {
        log('error', 'batch_answer_malformed', { queue: queue.name, messages: batch.length })
        return
      }
      await remove(batch.filter((message) => !failed.has(message.MessageId ?? '')))
      if (failed.size > 0) log('warn', 'batch_items_failed', { queue: queue.name, messages: failed.size })
    } catch (error) {
      log('error', 'batch_failed', { queue: queue.name, messages: batch.length, reason: reasonOf(error) })
    }
  }

  const poll = async (): Promise<void> => {
    let failures = 0
    while (!stopping.signal.aborted) {
      if (running.size >= options.max_concurrency) {
        await Promise.race(running)
        continue
      }
      try {
        const batch = await gather()
        failures = 0
        if (batch.length === 0) continue
        const work: Promise<void> = handle(batch).finally(() => running.delete(work))
        running.add(work)
      } catch (error) {
        if (stopping.signal.aborted) return
        log('warn', 'queue_receive_failed', { queue: queue.name, reason: reasonOf(error) })
        const wait = Math.min(30_000, retryMs * 2 ** Math.min(failures, 10))
        failures += 1
        await pause(wait, undefined, { signal: stopping.signal }).catch(() => {})
      }
    }
  }

  const polling = poll()
  return {
    stop: async () => {
      stopping.abort()
      receiving.abort()
      await polling
      await within('batches in flight', graceMs, Promise.allSettled(running)).catch((error: unknown) => {
        log('warn', 'batches_abandoned', { queue: queue.name, reason: reasonOf(error) })
      })
    },
  }
}
