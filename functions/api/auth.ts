import type { Actor } from '#core/actor'
import { agentOfToken, type TokenHolder } from '#core/agent/register'
import { OrchestratorError } from '#core/error'
import { type KeyHolder, keyOfToken } from '#core/key/identify'
import { holds, type Scope } from '#core/key/scope'
import type { Services } from '#core/services'

/** Who calls: with a key, or as an agent with its token, of which it is known whether its model is a script. */
export type Caller =
  | { kind: 'key'; actor: Extract<Actor, { kind: 'operator' }>; scopes: readonly Scope[] }
  | { kind: 'agent'; actor: Extract<Actor, { kind: 'agent' }>; rehearsal: boolean }
  | { kind: 'nobody'; actor: Extract<Actor, { kind: 'system' }> }

/** Who calls where nobody is asked: of no tenant, so that the database shows nothing. */
export const nobody: Caller = { kind: 'nobody', actor: { kind: 'system', tenant_id: '' } }

/** A token that was revoked or taken over is refused after this at the latest, in ms. */
const keptMs = 5_000
const maxKept = 1_000

type Kept = { caller: Caller; until: number }

/** Looks tokens up, and remembers them for a moment: a worker calls many times a second. */
export function makeIdentify(now: () => number = Date.now) {
  const kept = new Map<string, Kept>()

  async function callerOf(database: Services['database'], token: string) {
    const known = kept.get(token)
    if (known && known.until > now()) return known.caller
    kept.delete(token)
    const found = await look(database, token)
    if (!found) return null
    const oldest = kept.size >= maxKept ? kept.keys().next().value : undefined
    if (oldest !== undefined) kept.delete(oldest)
    kept.set(token, { caller: found.caller, until: Math.min(now() + keptMs, found.ends) })
    return found.caller
  }

  /** @throws unauthorized */
  return async (database: Services['database'], authorization: string | undefined): Promise<Caller> => {
    const token = /^Bearer +(\S{1,256})$/i.exec(authorization ?? '')?.[1]
    const caller = token ? await callerOf(database, token) : null
    if (caller) return caller
    const message = authorization
      ? 'The key or token is unknown, revoked or expired; ask whoever gave it for a new one.'
      : 'A key is needed: send `Authorization: Bearer oio_…`.'
    throw new OrchestratorError('unauthorized', message)
  }
}

async function look(database: Services['database'], token: string) {
  if (token.startsWith('oio_agent_')) {
    const holder = await agentOfToken(database, token)
    return holder && { caller: agentCaller(holder), ends: Number.POSITIVE_INFINITY }
  }
  const holder = await keyOfToken(database, token)
  return holder && { caller: keyCaller(holder), ends: holder.expires_ms ?? Number.POSITIVE_INFINITY }
}

function keyCaller({ tenant_id, id, name, scopes }: KeyHolder): Caller {
  return { kind: 'key', actor: { kind: 'operator', tenant_id, who: { key_id: id, name } }, scopes }
}

function agentCaller({ tenant_id, id, rehearsal }: TokenHolder): Caller {
  return { kind: 'agent', actor: { kind: 'agent', tenant_id, agent_id: id }, rehearsal }
}

/**
 * Who may call an endpoint: keys that hold a scope; `worker`: agents alone; `public`: nobody is asked. With
 * `agents` an agent may call as well as the keys, as itself.
 */
export type Access = { scope: Scope | 'worker' | 'public'; agents?: boolean }

/** Whether this caller may call; `agent_id` is the agent that the path names. @throws forbidden */
export function authorize(caller: Caller, { scope, agents }: Access, agent_id: string | undefined) {
  if (scope === 'public') return
  if (scope === 'worker') workerOf(caller)
  if (caller.kind === 'agent') {
    if (scope !== 'worker' && !agents)
      throw new OrchestratorError('forbidden', 'An agent may not do this; it needs a key.', {
        details: { required_scope: scope },
      })
    if (agent_id !== undefined && agent_id !== caller.actor.agent_id)
      throw new OrchestratorError('forbidden', 'An agent may act only as itself.')
  } else if (scope !== 'worker' && !holds(caller.kind === 'key' ? caller.scopes : [], scope)) {
    throw new OrchestratorError('forbidden', `The key has not the scope ${scope}; use one that has.`, {
      details: { required_scope: scope },
    })
  }
}

/** Who holds the key or the token. @throws unauthorized where nobody was asked */
export function holderOf(caller: Caller) {
  if (caller.kind !== 'nobody') return caller.actor
  throw new OrchestratorError('unauthorized', 'This call needs a key or a token.')
}

/** The agent that calls. @throws forbidden for anybody else */
export function workerOf(caller: Caller) {
  if (caller.kind === 'agent') return caller.actor
  throw new OrchestratorError('forbidden', "This call needs an agent's token; a registration gives one.")
}

/** Whether the model behind the caller is a script. */
export function isRehearsal(caller: Caller) {
  return caller.kind === 'agent' && caller.rehearsal
}
