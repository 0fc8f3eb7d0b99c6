import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { cors } from 'hono/cors'
import { newId } from '#core/id'
import { underRequest } from '../request.ts'
import { makeIdentify } from './auth.ts'
import { registerSchemas, registerSecurity } from './document.ts'
import type { Api } from './endpoint.ts'
import type { Env } from './env.ts'
import { problemOf, renderProblem } from './problem.ts'
import { agentRoutes } from './routes/agents.ts'
import { approvalRoutes } from './routes/approvals.ts'
import { artifactRoutes } from './routes/artifacts.ts'
import { auditRoutes } from './routes/audit.ts'
import { checkpointRoutes } from './routes/checkpoints.ts'
import { contextRoutes } from './routes/contexts.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { docsRoutes } from './routes/docs.ts'
import { eventRoutes } from './routes/events.ts'
import { fleetRoutes } from './routes/fleet.ts'
import { keyRoutes } from './routes/keys.ts'
import { plainRoutes } from './routes/plain.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { socketRoutes } from './routes/sockets.ts'
import { taskRoutes } from './routes/tasks.ts'
import { tenantRoutes } from './routes/tenant.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import { workRoutes } from './routes/work.ts'
import type { ApiServices } from './services.ts'
import { makeThrottle } from './throttle.ts'

const exposed = [
  'ETag',
  'Idempotent-Replayed',
  'Link',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'X-Last-Seq',
  'X-Request-Id',
  'X-Truncated',
]

/** Others are told together: a label is not for callers to invent. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** The whole REST API. `services` is asked at each request, so that nothing is opened before the first. */
export function buildApp(services: () => ApiServices) {
  const app = new OpenAPIHono<Env>()
  const api: Api = { app, services, identify: makeIdentify(), throttle: makeThrottle(), routes: [] }
  app.use(async (c, next) => {
    const request_id = requestIdOf(c)
    const began = performance.now()
    c.set('request_id', request_id)
    c.set('route', 'none')
    c.set('ids', {})
    c.set('rate', {})
    await underRequest(request_id, next)
    c.res.headers.set('x-request-id', request_id)
    for (const [name, value] of Object.entries(c.get('rate'))) c.res.headers.set(name, value)
    const { method } = c.req
    const duration_ms = Math.round((performance.now() - began) * 10) / 10
    const line = { method, route: c.get('route'), status: c.res.status, duration_ms, request_id }
    const { log, timings } = services()
    log.info('request_completed', { ...line, ...c.get('ids') })
    const labels = [methods.has(method) ? method : 'OTHER', c.get('route'), String(c.res.status)]
    timings.observe('http_request_duration_seconds', labels, duration_ms / 1_000)
    await timings.flush()
  })
  app.use(
    cors({
      origin: (origin) => (services().origins.includes(origin) ? origin : null),
      allowMethods: ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'],
      exposeHeaders: exposed,
      maxAge: 600,
    }),
  )
  registerSchemas(app.openAPIRegistry)
  registerSecurity(app.openAPIRegistry)
  for (const add of [sessionRoutes, eventRoutes, checkpointRoutes, taskRoutes, workRoutes, agentRoutes])
    add(api)
  for (const add of [
    approvalRoutes,
    artifactRoutes,
    contextRoutes,
    fleetRoutes,
    auditRoutes,
    deadLetterRoutes,
    tenantRoutes,
    socketRoutes,
    keyRoutes,
    webhookRoutes,
    plainRoutes,
    docsRoutes,
  ])
    add(api)
  app.onError((error, c) => {
    const request_id = c.get('request_id')
    const problem = problemOf(error, request_id)
    if (problem.code === 'internal') services().log.error('request_failed', { request_id, error })
    return renderProblem(problem, { request_id, path: c.req.path })
  })
  app.notFound((c) => nowhere(c, api.routes))
  return app
}

/** The caller's own id when it is one, so that logs of both sides meet. */
function requestIdOf(c: Context<Env>) {
  const given = c.req.header('x-request-id') ?? ''
  return /^[\w.:-]{1,128}$/.test(given) ? given : newId('request')
}

/** A known path under another method says which ones there are. */
function nowhere(c: Context<Env>, routes: Api['routes']) {
  const { method, path } = c.req
  const here = routes.filter((route) => matches(route.path, path))
  const request = { request_id: c.get('request_id'), path }
  const none = { retryable: false, errors: [], details: {} }
  const first = here[0]
  if (!first) {
    const detail = `There is nothing at ${path.slice(0, 200)}; /docs shows what there is.`
    return renderProblem({ ...none, code: 'not_found', detail }, request)
  }
  c.set('route', first.path)
  const allow = [...new Set(here.map((route) => route.method))].join(', ')
  const detail = `${method} is not possible here; use ${allow}.`
  return renderProblem({ ...none, code: 'method_not_allowed', detail }, request, { allow })
}

function matches(pattern: string, path: string) {
  const parts = pattern.split('/')
  const given = path.split('/')
  return parts.length === given.length && parts.every((part, i) => fits(part, given[i]))
}

function fits(part: string, given: string | undefined) {
  return part.startsWith('{') ? Boolean(given) : part === given
}
