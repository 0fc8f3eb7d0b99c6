import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  ResourceInUseException,
  ResourceNotFoundException,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type QueueAttributeName,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'

export type QueuePlan = { visibility_seconds: number; max_receives: number }
export type TablePlan = { partition_key: string; sort_key: string | null; ttl: string | null }
export type QueueAddress = { url: string; arn: string; deadUrl: string }

const hasName = (error: unknown, ...names: string[]): boolean =>
  error instanceof Error && names.some((name) => error.name.includes(name))

/** The queue's address on the endpoint that we use: emulators answer with host names of their own. */
const onEndpoint = (queueUrl: string, endpoint: string): string =>
  new URL(new URL(queueUrl).pathname, endpoint).href

/** Makes a queue when it is missing and sets its attributes in any case. */
const ensureQueue = async (
  client: SQSClient,
  endpoint: string,
  name: string,
  attributes: Partial<Record<QueueAttributeName, string>>,
): Promise<{ url: string; arn: string }> => {
  let found: string | undefined
  try {
    found = (await client.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl
  } catch (error) {
    if (!hasName(error, 'NonExistentQueue', 'QueueDoesNotExist')) throw error
    found = (await client.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl
  }
  if (found === undefined) throw new Error(`SQS gave no address for queue ${name}`)
  const url = onEndpoint(found, endpoint)
  await client.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: attributes }))
  const described = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
  )
  const arn = described.Attributes?.QueueArn
  if (arn === undefined) throw new Error(`SQS gave no ARN for queue ${name}`)
  return { url, arn }
}

const days14 = String(14 * 24 * 3600)

/** Every queue with its dead-letter queue `<name>-dead` and the redrive between them, by name. Idempotent. */
export const ensureQueues = async (
  client: SQSClient,
  endpoint: string,
  plans: Readonly<Record<string, QueuePlan>>,
): Promise<Map<string, QueueAddress>> => {
  const addresses = new Map<string, QueueAddress>()
  for (const [name, plan] of Object.entries(plans)) {
    const dead = await ensureQueue(client, endpoint, `${name}-dead`, { MessageRetentionPeriod: days14 })
    const queue = await ensureQueue(client, endpoint, name, {
      VisibilityTimeout: String(plan.visibility_seconds),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: plan.max_receives }),
    })
    addresses.set(name, { ...queue, deadUrl: dead.url })
  }
  return addresses
}

const keySchema = (plan: TablePlan): KeySchemaElement[] => {
  const partition: KeySchemaElement = { AttributeName: plan.partition_key, KeyType: 'HASH' }
  return plan.sort_key === null
    ? [partition]
    : [partition, { AttributeName: plan.sort_key, KeyType: 'RANGE' }]
}

const ensureTable = async (client: DynamoDBClient, name: string, plan: TablePlan): Promise<void> => {
  const schema = keySchema(plan)
  const keys = [plan.partition_key, plan.sort_key].filter((key) => key !== null)
  try {
    await client.send(new DescribeTableCommand({ TableName: name }))
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error
    const create = new CreateTableCommand({
      TableName: name,
      KeySchema: schema,
      AttributeDefinitions: keys.map((key) => ({ AttributeName: key, AttributeType: 'S' })),
      BillingMode: 'PAY_PER_REQUEST',
    })
    await client.send(create).catch((raced: unknown) => {
      if (!(raced instanceof ResourceInUseException)) throw raced
    })
  }
  await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 1 }, { TableName: name })
  if (plan.ttl === null) return
  const expiry = { Enabled: true, AttributeName: plan.ttl }
  try {
    await client.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: expiry }))
  } catch (error) {
    // dynalite has no such call; elsewhere it is refused when it is on already.
    if (!hasName(error, 'UnknownOperation', 'ValidationException')) throw error
  }
}

/** Every table, with its time to live where the endpoint knows that. Idempotent. */
export const ensureTables = async (
  client: DynamoDBClient,
  plans: Readonly<Record<string, TablePlan>>,
): Promise<void> => {
  await Promise.all(Object.entries(plans).map(([name, plan]) => ensureTable(client, name, plan)))
}
