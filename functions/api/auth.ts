import { type Actor, defaultTenant } from '#core/actor'
import { agentOfToken, type TokenHolder } from '#core/agent/register'
import { OrchestratorError } from '#core/error'
import type { Services } from '#core/services'

/** Who calls; of an agent also whether its model is a script. */
export type Caller =
  | { kind: 'operator'; actor: Extract<Actor, { kind: 'operator' }> }
  | { kind: 'agent'; actor: Extract<Actor, { kind: 'agent' }>; rehearsal: boolean }

/** Without a token it is the local operator, since everything listens on loopback only. */
export const localOperator: Caller = {
  kind: 'operator',
  actor: { kind: 'operator', tenant_id: defaultTenant },
}

/** A token that was taken over is refused after this at the latest, in ms. */
const keptMs = 5_000
const maxKept = 1_000

type Kept = { holder: TokenHolder; until: number }

/** Looks tokens up, and remembers them for a moment: a worker calls many times a second. */
export function makeIdentify(now: () => number = Date.now) {
  const kept = new Map<string, Kept>()

  async function holderOf(database: Services['database'], token: string) {
    const known = kept.get(token)
    if (known && known.until > now()) return known.holder
    kept.delete(token)
    const holder = await agentOfToken(database, token)
    if (!holder) return null
    const oldest = kept.size >= maxKept ? kept.keys().next().value : undefined
    if (oldest !== undefined) kept.delete(oldest)
    kept.set(token, { holder, until: now() + keptMs })
    return holder
  }

  /** @throws unauthorized */
  return async (database: Services['database'], authorization: string | undefined): Promise<Caller> => {
    if (authorization === undefined) return localOperator
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
    const holder = token ? await holderOf(database, token) : null
    if (!holder) throw new OrchestratorError('unauthorized', 'The token is unknown; register to get one.')
    const actor = { kind: 'agent' as const, tenant_id: holder.tenant_id, agent_id: holder.id }
    return { kind: 'agent', actor, rehearsal: holder.rehearsal }
  }
}

/** `public`: nobody is asked who they are. */
export type Who = 'operator' | 'worker' | 'anyone' | 'public'

/** Whether this kind of caller may call at all; `agent_id` is the agent that the path names. @throws unauthorized, forbidden */
export function authorize(caller: Caller, who: Who, agent_id: string | undefined) {
  if (who === 'worker') workerOf(caller)
  if (caller.kind !== 'agent') return
  if (who === 'operator') throw new OrchestratorError('forbidden', 'An agent may not do this.')
  if (agent_id !== undefined && agent_id !== caller.actor.agent_id)
    throw new OrchestratorError('forbidden', 'An agent may act only as itself.')
}

/** The agent that calls. @throws unauthorized for anybody else */
export function workerOf(caller: Caller) {
  if (caller.kind === 'agent') return caller.actor
  throw new OrchestratorError('unauthorized', "This call needs an agent's token.")
}

/** Whether the model behind the caller is a script. */
export function isRehearsal(caller: Caller) {
  return caller.kind === 'agent' && caller.rehearsal
}
