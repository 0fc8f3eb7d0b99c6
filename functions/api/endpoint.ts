import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type * as z from 'zod'
import { atomically } from '#core/database/atomically'
import { OrchestratorError } from '#core/error'
import { once, type StoredAnswer } from '#core/idempotency/idempotency'
import { auditor } from './audit.ts'
import { authorize, type Caller, nobody } from './auth.ts'
import { isStorable, readBody } from './body.ts'
import type { Endpoint } from './definition.ts'
import { describe } from './describe.ts'
import type { Env } from './env.ts'
import { conditional } from './etag.ts'
import { accept, invalid } from './issues.ts'
import { callerIds, type Params, pathIds, readParams } from './params.ts'
import type { ApiServices } from './services.ts'
import { type makeThrottle, tooFast } from './throttle.ts'

/** What the routes are put on. */
export type Api = {
  app: OpenAPIHono<Env>
  services: () => ApiServices
  identify: (database: ApiServices['database'], authorization: string | undefined) => Promise<Caller>
  throttle: ReturnType<typeof makeThrottle>
  /** Every route, so that a wrong method can be told from a wrong path. */
  routes: { method: string; path: string }[]
}

/** Puts an endpoint on the app and into the document. */
export function endpoint<
  const P extends Params,
  Q extends z.ZodType,
  B extends z.ZodType,
  A extends z.ZodType,
>(api: Api, definition: Endpoint<P, Q, B, A>) {
  const { app, routes } = api
  const { path, scope, params: nouns } = definition
  const method = definition.method.toUpperCase()
  const idempotent = method === 'POST' && scope !== 'worker' && definition.idempotent !== false
  const audit = auditor(definition)
  routes.push({ method, path })
  app.openAPIRegistry.registerPath(describe(definition, idempotent))
  app.on(method, path.replaceAll(/\{(\w+)\}/g, ':$1'), async (c) => {
    c.set('route', path)
    const services = api.services()
    const caller =
      scope === 'public' ? nobody : await api.identify(services.database, c.req.header('authorization'))
    c.set('ids', callerIds(caller))
    if (caller.kind !== 'nobody') {
      const { allowed, headers } = await api.throttle(services, caller.actor)
      c.set('rate', headers)
      if (!allowed) throw tooFast()
    }
    authorize(caller, definition, nouns.id === 'agent' ? c.req.param('id') : undefined)
    const param = readParams(nouns, c.req.param())
    c.set('ids', { ...c.get('ids'), ...pathIds(nouns, param) })
    const query = accept(definition.query, queryOf(c.req.url), 'query')
    const { bytes, json } = await readBody(c.req.raw, { verbatim: definition.verbatim ?? false })
    const body = accept(definition.body, json, 'body')
    const call = { caller, actor: caller.actor, param, query, body, request: c.req.raw }
    const run = async (inside: ApiServices) => {
      const result = await definition.run({ ...call, services: inside })
      if (audit && !(result instanceof Response)) await audit(inside, c, { ...call, json }, result)
      return result
    }
    const key = idempotent ? idempotencyKey(c) : null
    if (key === null) {
      const result = await (audit ? atomically(services, caller.actor.tenant_id, run) : run(services))
      const answer = result instanceof Response ? result : respond(render(definition, result))
      return method === 'GET' && answer.headers.has('etag') ? conditional(c.req.raw, answer) : answer
    }
    const request = { key, route: `${method} ${c.req.path}`, body: bytes }
    const { replayed, ...stored } = await once(services, caller.actor, request, async (inside) => {
      const result = await run(inside)
      if (result instanceof Response) throw new Error('What is answered once is JSON.')
      return render(definition, result)
    })
    return respond(stored, replayed ? { 'idempotent-replayed': 'true' } : {})
  })
}

/** Repeated parameters are joined, as API Gateway does it. */
function queryOf(url: string) {
  const query = new Map<string, string>()
  for (const [name, value] of new URL(url).searchParams) {
    if (!isStorable(value))
      throw invalid('query', [{ pointer: `/${name}`, message: 'must be text without NUL' }])
    const before = query.get(name)
    query.set(name, before === undefined ? value : `${before},${value}`)
  }
  return Object.fromEntries(query)
}

/** @throws invalid_input when there is one and it is none */
function idempotencyKey(c: Context<Env>) {
  const key = c.req.header('idempotency-key')
  if (key === undefined) return null
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key
  throw new OrchestratorError('invalid_input', 'An Idempotency-Key is 1 to 255 visible ASCII characters.')
}

type Rendered<A extends z.ZodType> = Pick<Endpoint<Params, z.ZodType, z.ZodType, A>, 'status' | 'headers'>

function render<A extends z.ZodType>(
  { status = 200, headers }: Rendered<A>,
  result: z.input<A>,
): StoredAnswer {
  const also = headers ? headers(result) : {}
  if (status === 204) return { status, headers: also, body: '' }
  return { status, headers: { 'content-type': 'application/json', ...also }, body: JSON.stringify(result) }
}

function respond({ status, headers, body }: StoredAnswer, also: Record<string, string> = {}) {
  return new Response(status === 204 ? null : body, { status, headers: { ...headers, ...also } })
}
