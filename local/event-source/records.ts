import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs'
import type { SQSMessageAttribute, SQSRecord } from 'aws-lambda'

const attributeOf = (value: MessageAttributeValue): SQSMessageAttribute => ({
  dataType: value.DataType ?? 'String',
  ...(value.StringValue !== undefined && { stringValue: value.StringValue }),
  ...(value.BinaryValue !== undefined && { binaryValue: Buffer.from(value.BinaryValue).toString('base64') }),
})

/** A received message as the record that Lambda hands to a function. */
export const makeRecord = (message: Message, queueArn: string): SQSRecord => {
  const attributes = message.Attributes ?? {}
  const messageAttributes: SQSRecord['messageAttributes'] = {}
  for (const [name, value] of Object.entries(message.MessageAttributes ?? {})) {
    messageAttributes[name] = attributeOf(value)
  }
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: {
      ...attributes,
      ApproximateReceiveCount: attributes.ApproximateReceiveCount ?? '1',
      SentTimestamp: attributes.SentTimestamp ?? '0',
      SenderId: attributes.SenderId ?? '',
      ApproximateFirstReceiveTimestamp: attributes.ApproximateFirstReceiveTimestamp ?? '0',
    },
    messageAttributes,
    md5OfBody: message.MD5OfBody ?? '',
    ...(message.MD5OfMessageAttributes !== undefined && {
      md5OfMessageAttributes: message.MD5OfMessageAttributes,
    }),
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(':')[3] ?? '',
  }
}

/**
 * The ids of the messages that a function did not finish, read from its answer: none for an empty answer,
 * null (all of them) for one that is not understood or names a message that is not in the batch.
 */
export const failedIds = (answer: unknown, batch: ReadonlySet<string>): ReadonlySet<string> | null => {
  if (answer === undefined || answer === null) return new Set()
  if (typeof answer !== 'object' || !('batchItemFailures' in answer)) return new Set()
  const { batchItemFailures } = answer
  if (batchItemFailures === undefined || batchItemFailures === null) return new Set()
  if (!Array.isArray(batchItemFailures)) return null
  const failed = new Set<string>()
  for (const item of batchItemFailures) {
    const id: unknown = typeof item === 'object' && item !== null ? item.itemIdentifier : undefined
    if (typeof id !== 'string' || !batch.has(id)) return null
    failed.add(id)
  }
  return failed
}
