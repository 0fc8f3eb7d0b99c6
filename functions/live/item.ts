import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { SocketActor } from '#core/live/ticket'

export type Item = Record<string, AttributeValue>

/** Who a row acts as, as attributes of it. */
export function actorItem(actor: SocketActor): Item {
  return {
    kind: { S: actor.kind },
    tenant_id: { S: actor.tenant_id },
    ...(actor.kind === 'agent'
      ? { agent_id: { S: actor.agent_id } }
      : { key_id: { S: actor.who.key_id }, key_name: { S: actor.who.name } }),
  }
}

/** The opposite; null for a row that says nobody. */
export function readActor(item: Item): SocketActor | null {
  const tenant_id = readText(item, 'tenant_id')
  const agent_id = readText(item, 'agent_id')
  if (!tenant_id) return null
  const key_id = readText(item, 'key_id')
  if (key_id) return { kind: 'operator', tenant_id, who: { key_id, name: readText(item, 'key_name') } }
  return agent_id ? { kind: 'agent', tenant_id, agent_id } : null
}

export const readText = (item: Item, name: string) => item[name]?.S ?? ''
export const readNumber = (item: Item, name: string) => Number(item[name]?.N ?? 0)
export const text = (S: string): AttributeValue => ({ S })
export const number = (value: number): AttributeValue => ({ N: String(value) })
