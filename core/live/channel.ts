import { isId } from '#core/id'

/** What can be watched: the events of a session, the inbox of an agent, how a tenant's fleet stands. */
export type Channel = { kind: 'session' | 'agent' | 'fleet'; tenant_id: string; id: string }

export const channelOf = {
  session: (tenant_id: string, id: string): Channel => ({ kind: 'session', tenant_id, id }),
  agent: (tenant_id: string, id: string): Channel => ({ kind: 'agent', tenant_id, id }),
  fleet: (tenant_id: string): Channel => ({ kind: 'fleet', tenant_id, id: tenant_id }),
}

/** The channel's name in our stores, its tenant first. */
export function keyOf({ tenant_id, kind, id }: Channel) {
  return `${tenant_id}:${kind}:${id}`
}

/** The channel's name on the wire, where the connection tells the tenant. */
export function wireNameOf({ kind, id }: Channel) {
  return kind === 'fleet' ? 'fleet' : `${kind}:${id}`
}

/** A channel by its name on the wire, for a tenant's connection; null when there is no such name. */
export function readChannel(name: string, tenant_id: string): Channel | null {
  if (name === 'fleet') return channelOf.fleet(tenant_id)
  const [, kind, id = ''] = /^(session|agent):(.+)$/.exec(name) ?? []
  if (kind === 'session' && isId('session', id)) return channelOf.session(tenant_id, id)
  if (kind === 'agent' && isId('agent', id)) return channelOf.agent(tenant_id, id)
  return null
}

/**
 * A message on the broadcast queue: "look at channel C". With a connection: its replay is not over, go on with
 * it. It carries no event: what is true is read when it is handled.
 */
export type LiveMessage = Channel & { connection_id?: string | undefined }

/** Reads a message of the broadcast queue; null for what is none. */
export function readLiveMessage(text: string): LiveMessage | null {
  const given = parse(text)
  if (typeof given !== 'object' || given === null) return null
  const { kind, tenant_id, id, connection_id }: Record<string, unknown> = { ...given }
  if (kind !== 'session' && kind !== 'agent' && kind !== 'fleet') return null
  if (typeof tenant_id !== 'string' || !isId('tenant', tenant_id)) return null
  if (typeof id !== 'string' || id.length > 100) return null
  if (connection_id === undefined) return { kind, tenant_id, id }
  if (typeof connection_id !== 'string' || connection_id.length > 200) return null
  return { kind, tenant_id, id, connection_id }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** A message for the broadcast queue, now or after a delay. */
export type LiveWake = Channel & { connection_id?: string; delay_seconds?: number }
