import {
  BatchWriteItemCommand,
  type DynamoDBClient,
  paginateScan,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb'
import type { TablePlan } from './bootstrap.ts'

const batchSize = 25

/**
 * Deletes rows whose time to live is over, as DynamoDB does by itself within some days and the emulator does not.
 * Answers how many.
 */
export const deleteExpired = async (
  client: DynamoDBClient,
  plans: Readonly<Record<string, TablePlan>>,
  now: Date,
): Promise<number> => {
  let deleted = 0
  for (const [name, plan] of Object.entries(plans)) {
    if (plan.ttl === null) continue
    const keys = [plan.partition_key, plan.sort_key].filter((key) => key !== null)
    const over = {
      TableName: name,
      FilterExpression: '#ttl < :now',
      ProjectionExpression: keys.map((_, i) => `#key${i}`).join(', '),
      ExpressionAttributeNames: {
        '#ttl': plan.ttl,
        ...Object.fromEntries(keys.map((key, i) => [`#key${i}`, key])),
      },
      ExpressionAttributeValues: { ':now': { N: String(Math.floor(now.getTime() / 1000)) } },
    }
    for await (const { Items = [] } of paginateScan({ client }, over)) {
      for (let start = 0; start < Items.length; start += batchSize) {
        const requests: WriteRequest[] = Items.slice(start, start + batchSize).map((Key) => ({
          DeleteRequest: { Key },
        }))
        await client.send(new BatchWriteItemCommand({ RequestItems: { [name]: requests } }))
        deleted += requests.length
      }
    }
  }
  return deleted
}
