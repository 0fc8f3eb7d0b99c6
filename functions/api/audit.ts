import type { Context } from 'hono'
import type * as z from 'zod'
import type { Actor } from '#core/actor'
import { recordAudit } from '#core/audit/record'
import { inShort } from '#core/audit/short'
import type { Endpoint, Param, Resource } from './definition.ts'
import type { Env } from './env.ts'
import type { Params } from './params.ts'
import type { ApiServices } from './services.ts'

const maxAgentLength = 200
const maxPathLength = 500

type Call<P extends Params> = { actor: Actor; param: Param<P>; json: unknown }

/**
 * What writes an endpoint's mutations down, in their transaction; null where there is nothing to write: reads, and
 * what workers report, which is in the history with their agent already.
 */
export function auditor<P extends Params, Q extends z.ZodType, B extends z.ZodType, A extends z.ZodType>(
  endpoint: Endpoint<P, Q, B, A>,
) {
  const { method, scope, audit = {}, name, params } = endpoint
  if (method === 'get' || scope === 'worker' || audit === false) return null
  const resource = audit.resource ?? namedBy(params)
  if (!resource) throw new Error(`${name} changes something: its definition must say what (audit.resource).`)
  return (services: ApiServices, c: Context<Env>, call: Call<P>, answer: z.input<A>) =>
    recordAudit(services, call.actor, {
      action: name,
      resource: resource(call, answer),
      ip: c.env.requestContext?.http?.sourceIp ?? null,
      user_agent: c.req.header('user-agent')?.slice(0, maxAgentLength) ?? null,
      request_id: c.get('request_id'),
      detail: { path: c.req.path.slice(0, maxPathLength), body: inShort(call.json, audit.size_only) },
    })
}

/** What `{id}` of a path names, where it is the id of a noun. */
function namedBy<P extends Params>(params: P) {
  const kind = params.id
  if (kind === undefined || kind === 'word' || kind === 'number') return null
  return ({ param }: { param: Param<P> }): Resource => ({ kind, id: param('id') })
}
