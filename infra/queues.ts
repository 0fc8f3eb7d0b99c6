/// <reference path="../.sst/platform/config.d.ts" />
import { type QueueWiring, queues } from './wiring.ts'

const days14 = 14 * 24 * 3600

export type QueueName = keyof typeof queues
export type MadeQueue = { wiring: QueueWiring; queue: aws.sqs.Queue; dead: aws.sqs.Queue }

const titleOf = (name: string) => `${name[0]?.toUpperCase()}${name.slice(1)}`

/** Each queue of the wiring with its dead letters, encrypted. */
export function makeQueues(): Record<QueueName, MadeQueue> {
  return { steps: makeQueue('steps', queues.steps), broadcast: makeQueue('broadcast', queues.broadcast) }
}

function makeQueue(name: QueueName, wiring: QueueWiring): MadeQueue {
  const title = titleOf(name)
  const dead = new aws.sqs.Queue(`${title}Dead`, {
    messageRetentionSeconds: days14,
    sqsManagedSseEnabled: true,
  })
  const queue = new aws.sqs.Queue(`${title}Queue`, {
    visibilityTimeoutSeconds: wiring.visibility_seconds,
    sqsManagedSseEnabled: true,
    redrivePolicy: $jsonStringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: wiring.max_receives }),
  })
  return { wiring, queue, dead }
}

/** The consumer takes batches as the wiring says and answers which messages must come again. */
export function consume(name: QueueName, { wiring, queue }: MadeQueue, consumer: sst.aws.Function) {
  new aws.lambda.EventSourceMapping(`${titleOf(name)}Source`, {
    eventSourceArn: queue.arn,
    functionName: consumer.nodes.function.arn,
    batchSize: wiring.batch_size,
    maximumBatchingWindowInSeconds: wiring.window_seconds,
    functionResponseTypes: ['ReportBatchItemFailures'],
    scalingConfig: { maximumConcurrency: wiring.max_concurrency },
  })
}
