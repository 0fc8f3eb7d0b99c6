import {
  type AttributeValue,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb'
import { OrchestratorError } from '#core/error'
import { actorOfTicket, newTicket, readTicket, type SocketActor, ticketSeconds } from '#core/live/ticket'
import { actorItem, readActor, readNumber } from './item.ts'

const deadlineMs = 8_000

/** Tickets in DynamoDB: they work while Redis is away, and go out of it by themselves. */
export function ticketStore(options: { table: string; client?: DynamoDBClient; now?: () => Date }) {
  const { table, client = new DynamoDBClient({ maxAttempts: 2 }), now = () => new Date() } = options
  const within = () => ({ abortSignal: AbortSignal.timeout(deadlineMs) })

  return {
    /** Whether the table answers: a look for a ticket that there is not. */
    look: (abortSignal: AbortSignal) =>
      client.send(new GetItemCommand({ TableName: table, Key: { ticket: { S: 'none' } } }), { abortSignal }),
    /** A ticket that opens one connection, for a minute. @throws dependency_unavailable */
    async issue(actor: SocketActor) {
      const { ticket, record } = newTicket(actor, now())
      const Item: Record<string, AttributeValue> = {
        ticket: { S: record.hash },
        ...actorItem(actor),
        expires_ms: { N: String(record.expires_at.getTime()) },
        expires_at: { N: String(Math.ceil(record.expires_at.getTime() / 1_000) + ticketSeconds) },
      }
      try {
        await client.send(new PutItemCommand({ TableName: table, Item }), within())
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message || cause.name : String(cause)
        throw new OrchestratorError('dependency_unavailable', `DynamoDB cannot be reached: ${reason}`, {
          cause,
        })
      }
      return { ticket, expires_at: record.expires_at.toISOString() }
    },
    /** Whom a ticket lets in, once; null when it lets nobody in. Taking it out is what makes it single. */
    async redeem(ticket: string | undefined) {
      const hash = readTicket(ticket)
      if (hash === null) return null
      const Key = { ticket: { S: hash } }
      const command = new DeleteItemCommand({ TableName: table, Key, ReturnValues: 'ALL_OLD' })
      const { Attributes } = await client.send(command, within())
      const actor = Attributes && readActor(Attributes)
      if (!actor) return null
      const expires_at = new Date(readNumber(Attributes, 'expires_ms'))
      return actorOfTicket({ hash, actor, expires_at }, now())
    },
    close: () => client.destroy(),
  }
}

export type Tickets = Pick<ReturnType<typeof ticketStore>, 'issue' | 'look'>
