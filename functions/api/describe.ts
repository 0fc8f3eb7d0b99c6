import { createRoute } from '@hono/zod-openapi'
import * as z from 'zod'
import { type Endpoint, nothing } from './definition.ts'
import { answerNames, bodyNames, refTo } from './document.ts'
import type { Params } from './params.ts'
import { Problem } from './schemas/problem.ts'

type Any = Endpoint<Params, z.ZodType, z.ZodType, z.ZodType>
type Described = Pick<Any, 'name' | 'method' | 'path' | 'tag' | 'summary' | 'scope' | 'agents' | 'params'> &
  Pick<Any, 'query' | 'body' | 'status' | 'answer' | 'media' | 'if_match'>

const ifMatch = z.string().optional().meta({ description: 'The ETag of a read, such as "3".' })
const idempotencyKey = z.string().max(255).optional()
const ifNoneMatch = z
  .string()
  .optional()
  .meta({ description: 'The ETag that you have: 304 if it still holds.' })
const etag = z.object({
  ETag: z.string().meta({ description: 'The version; of a read, with a digest of the answer behind it.' }),
})
const notModified = { 304: { description: 'It is as it was.', headers: etag } }

const takesIfMatch = ({ method, if_match }: Described) =>
  method === 'patch' || method === 'put' || if_match === true

/** Statuses that any endpoint may answer, and those of some. */
function refusals(endpoint: Described, idempotent: boolean) {
  const { scope, method, params } = endpoint
  const statuses = [400, 500, 503]
  if (scope !== 'public') statuses.push(401, 403, 429)
  // A worker's body may name a task, too.
  if (Object.keys(params).length > 0 || scope === 'worker') statuses.push(404)
  if (method !== 'get') statuses.push(409, 413, 415)
  if (takesIfMatch(endpoint)) statuses.push(412)
  // Of a key that came with another request, or of a plan that cannot be.
  if (idempotent || scope === 'worker') statuses.push(422)
  return statuses.sort()
}

/** What an endpoint says of itself, as OpenAPI says it. */
export function describe(endpoint: Described, idempotent: boolean) {
  const { name, method, path, tag, summary, params, query, body, answer, media } = endpoint
  const { status = 200 } = endpoint
  const isVersioned = answer instanceof z.ZodObject && 'version' in answer.shape
  const isConditional = isVersioned && method === 'get'
  const headers = {
    ...(idempotent ? { 'Idempotency-Key': idempotencyKey } : {}),
    ...(takesIfMatch(endpoint) ? { 'If-Match': ifMatch } : {}),
    ...(isConditional ? { 'If-None-Match': ifNoneMatch } : {}),
  }
  const problem = { 'application/problem+json': { schema: refTo(answerNames, Problem) } }
  const refused = refusals(endpoint, idempotent).map((code) => [
    String(code),
    { description: `Refused, see \`code\`.`, content: problem },
  ])
  const json = answer === nothing.answer ? {} : { 'application/json': { schema: refTo(answerNames, answer) } }
  const others = Object.fromEntries(
    (media ?? []).map((type) => [type, { schema: { type: 'string' as const } }]),
  )
  const content = { ...json, ...others }
  return createRoute({
    operationId: name,
    method,
    path,
    tags: [tag],
    summary,
    ...accessOf(endpoint),
    request: {
      params: z.object(Object.fromEntries(Object.entries(params).map(([key, noun]) => [key, paramOf(noun)]))),
      ...(query instanceof z.ZodObject ? { query } : {}),
      ...(Object.keys(headers).length > 0 ? { headers: z.object(headers) } : {}),
      ...(body === nothing.body
        ? {}
        : { body: { required: true, content: { 'application/json': { schema: refTo(bodyNames, body) } } } }),
    },
    responses: {
      [status]: {
        description: 'Done.',
        ...(isVersioned ? { headers: etag } : {}),
        ...(Object.keys(content).length > 0 ? { content } : {}),
      },
      ...(isConditional ? notModified : {}),
      ...Object.fromEntries(refused),
    },
  })
}

/** Who may call, as OpenAPI says it; a bearer's scopes it knows since 3.1. */
function accessOf({ scope, agents }: Described) {
  if (scope === 'public') return { security: [] }
  if (scope === 'worker') return { security: [{ agent: [] }] }
  const security: Record<string, string[]>[] = [{ key: [scope] }, ...(agents ? [{ agent: [] }] : [])]
  return { security, 'x-required-scope': scope }
}

function paramOf(noun: string) {
  return noun === 'number' ? z.coerce.number().int().min(1) : z.string()
}
