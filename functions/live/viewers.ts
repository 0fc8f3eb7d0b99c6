import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { keyOf, readChannel } from '#core/live/channel'
import {
  connectionSeconds,
  type Joined,
  maxSubscriptions,
  type Viewer,
  type Viewers,
} from '#core/live/viewer'
import { actorItem, type Item, number, readActor, readNumber, readText, text } from './item.ts'

export type ViewersOptions = {
  connections: string
  subscriptions: string
  client?: DynamoDBClient
  now?: () => number
}

/** A confirmation that fails is sent again after 10 s: rather a late answer than none. */
const deadlineMs = 8_000
/** Rows outlive their connection by this, should its end be missed, in seconds. */
const marginSeconds = 600
/** DynamoDB takes so many writes as one batch. */
const batchSize = 25
/** Pages of one look at a channel, each of up to 1 MB. */
const maxPages = 20

/**
 * Connections and subscriptions in DynamoDB. A connection's row holds the names of its channels, which bounds and
 * finds them; a channel's rows are its viewers.
 */
export function dynamoViewers(options: ViewersOptions): Viewers & { close(): void } {
  const { connections, subscriptions, now = Date.now } = options
  const client = options.client ?? new DynamoDBClient({ maxAttempts: 3 })
  const within = () => ({ abortSignal: AbortSignal.timeout(deadlineMs) })
  const expiry = () => number(Math.ceil(now() / 1_000) + connectionSeconds + marginSeconds)
  const byConnection = (id: string) => ({ TableName: connections, Key: { connection_id: text(id) } })
  const bySubscription = (key: string, id: string) => ({
    TableName: subscriptions,
    Key: { channel: text(key), connection_id: text(id) },
  })

  async function whyNot(connection_id: string) {
    const command = new GetItemCommand({ ...byConnection(connection_id), ConsistentRead: true })
    const { Item: found } = await client.send(command, within())
    return found ? ('full' as const) : ('unknown' as const)
  }

  /** The keys of a connection's channels; names that are none have no row. */
  function keysOf(item: Item) {
    const tenant_id = readText(item, 'tenant_id')
    return (item.channels?.SS ?? []).flatMap((name) => {
      const channel = readChannel(name, tenant_id)
      return channel ? [keyOf(channel)] : []
    })
  }

  async function drop(key: string, connection_id: string) {
    await client.send(new DeleteItemCommand(bySubscription(key, connection_id)), within())
  }

  return {
    async connect(connection_id, actor) {
      const Item = { connection_id: text(connection_id), ...actorItem(actor), expires_at: expiry() }
      await client.send(new PutItemCommand({ TableName: connections, Item }), within())
    },
    async disconnect(connection_id) {
      const command = new DeleteItemCommand({ ...byConnection(connection_id), ReturnValues: 'ALL_OLD' })
      const { Attributes } = await client.send(command, within())
      const keys = Attributes ? keysOf(Attributes) : []
      for (let i = 0; i < keys.length; i += batchSize) {
        const requests = keys.slice(i, i + batchSize).map((key) => ({
          DeleteRequest: { Key: bySubscription(key, connection_id).Key },
        }))
        // What DynamoDB leaves undone is found by the 410 of its next frame, or by its time to live.
        await client.send(
          new BatchWriteItemCommand({ RequestItems: { [subscriptions]: requests } }),
          within(),
        )
      }
    },
    async join(connection_id, name): Promise<Joined | 'unknown' | 'full'> {
      try {
        const { Attributes = {} } = await client.send(
          new UpdateItemCommand({
            ...byConnection(connection_id),
            UpdateExpression: 'ADD channels :one',
            ConditionExpression:
              'attribute_exists(connection_id) AND (attribute_not_exists(channels) OR contains(channels, :name) OR size(channels) < :most)',
            ExpressionAttributeValues: {
              ':one': { SS: [name] },
              ':name': text(name),
              ':most': number(maxSubscriptions),
            },
            ReturnValues: 'ALL_OLD',
          }),
          within(),
        )
        const actor = readActor(Attributes)
        return actor ? { actor, known: Attributes.channels?.SS?.includes(name) ?? false } : 'unknown'
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return whyNot(connection_id)
        throw error
      }
    },
    async leave(connection_id, name) {
      try {
        const { Attributes = {} } = await client.send(
          new UpdateItemCommand({
            ...byConnection(connection_id),
            UpdateExpression: 'DELETE channels :one',
            ConditionExpression: 'attribute_exists(connection_id)',
            ExpressionAttributeValues: { ':one': { SS: [name] } },
            ReturnValues: 'ALL_NEW',
          }),
          within(),
        )
        const channel = readChannel(name, readText(Attributes, 'tenant_id'))
        if (channel) await drop(keyOf(channel), connection_id)
        return channel
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return null
        throw error
      }
    },
    drop,
    async put(key, viewer) {
      const Item = { channel: text(key), ...viewerItem(viewer), expires_at: expiry() }
      await client.send(new PutItemCommand({ TableName: subscriptions, Item }), within())
    },
    async replayed(key, connection_id, after, replaying_until) {
      const command = new UpdateItemCommand({
        ...bySubscription(key, connection_id),
        UpdateExpression: 'SET #after = :after, replaying_until = :until',
        ConditionExpression: 'attribute_exists(connection_id)',
        ExpressionAttributeNames: { '#after': 'after' },
        ExpressionAttributeValues: { ':after': number(after), ':until': number(replaying_until) },
      })
      await client.send(command, within()).catch((error: unknown) => {
        if (!(error instanceof ConditionalCheckFailedException)) throw error
      })
    },
    async of(key) {
      const found: Viewer[] = []
      let from: Item | undefined
      for (let page = 0; page < maxPages; page++) {
        const command: QueryCommand = new QueryCommand({
          TableName: subscriptions,
          KeyConditionExpression: 'channel = :channel',
          ExpressionAttributeValues: { ':channel': text(key) },
          ConsistentRead: true,
          ...(from ? { ExclusiveStartKey: from } : {}),
        })
        const { Items = [], LastEvaluatedKey } = await client.send(command, within())
        found.push(...Items.map(readViewer))
        if (!LastEvaluatedKey) break
        from = LastEvaluatedKey
      }
      return found
    },
    close: () => client.destroy(),
  }
}

function viewerItem({ connection_id, tenant_id, key_id, after, replaying_until, seen_at }: Viewer): Item {
  return {
    connection_id: text(connection_id),
    tenant_id: text(tenant_id),
    ...(key_id === null ? {} : { key_id: text(key_id) }),
    after: number(after),
    replaying_until: number(replaying_until),
    seen_at: number(seen_at),
  }
}

function readViewer(item: Item): Viewer {
  return {
    connection_id: readText(item, 'connection_id'),
    tenant_id: readText(item, 'tenant_id'),
    key_id: readText(item, 'key_id') || null,
    after: readNumber(item, 'after'),
    replaying_until: readNumber(item, 'replaying_until'),
    seen_at: readNumber(item, 'seen_at'),
  }
}
