import type { OpenAPIHono } from '@hono/zod-openapi'
import * as z from 'zod'

/** Names of the document's schemas; a schema is described once, where it is named. */
type Names = z.core.$ZodRegistry<{ id: string }>
export const bodyNames: Names = z.registry<{ id: string }>()
export const answerNames: Names = z.registry<{ id: string }>()

/** Names what a request may hold. */
export function body<S extends z.ZodType>(id: string, schema: S) {
  bodyNames.add(schema, { id })
  return schema
}

/** Names what an answer holds. */
export function answer<S extends z.ZodType>(id: string, schema: S) {
  answerNames.add(schema, { id })
  return schema
}

const place = (id: string) => `#/components/schemas/${id}`

/** Where a named schema stands in the document. */
export function refTo(names: Names, schema: z.ZodType) {
  const id = names.get(schema)?.id
  if (!id) throw new Error('A schema of an endpoint has no name for the document.')
  return { $ref: place(id) }
}

type Registry = OpenAPIHono['openAPIRegistry']

/** Describes every named schema with zod's own JSON Schema, which is what OpenAPI 3.1 takes. */
export function registerSchemas(registry: Registry) {
  const described = [
    z.toJSONSchema(bodyNames, { io: 'input', uri: place }).schemas,
    z.toJSONSchema(answerNames, { io: 'output', uri: place, override: openObject }).schemas,
  ]
  for (const schemas of described) {
    for (const [id, schema] of Object.entries(schemas)) {
      if (id === '__shared') continue
      const { $schema: _dialect, $id: _id, ...rest } = schema
      registry.registerComponent('schemas', id, withoutCycles(rest))
    }
  }
}

/** The two kinds of bearer: people and programs hold keys, agents their tokens. */
export function registerSecurity(registry: Registry) {
  const bearer = (description: string) => ({ type: 'http' as const, scheme: 'bearer', description })
  const key = 'A key, `oio_<prefix>_<secret>`, that holds the scope; `admin` holds all of them.'
  registry.registerComponent('securitySchemes', 'key', bearer(key))
  const agent = 'The token that a registration told: it acts as that agent, on the tasks that it holds.'
  registry.registerComponent('securitySchemes', 'agent', bearer(agent))
}

/** An answer may grow fields; only what is sent is closed. */
function openObject({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }) {
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
}

type Json = { [key: string]: unknown }

/** The only cyclic schema is "any JSON value", which the empty schema says as well. */
function withoutCycles(schema: Json): Json {
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, replaced(value)]))
}

function replaced(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(replaced)
  if (typeof value !== 'object' || value === null) return value
  if ('$ref' in value && String(value.$ref).includes('__shared')) return {}
  return withoutCycles({ ...value })
}

const description = `Sessions turn a goal and a repository into a finished branch, through agents that anybody can run.

- Every call but the plain ones carries \`Authorization: Bearer\` with a key, or as an agent with its token.
- Errors are \`application/problem+json\` with a stable \`code\`; \`retryable\` says whether the same request may work later.
- Every POST of a person takes an \`Idempotency-Key\`: the same key and request give the stored answer for 24 hours.
- Lists take \`limit\` and \`cursor\` and answer \`items\` and \`next_cursor\`. Times are RFC 3339 in UTC.`

/** The OpenAPI 3.1 document of an app. */
export function documentOf(app: Pick<OpenAPIHono, 'getOpenAPI31Document'>) {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'OpenCode Industrial Orchestrator',
      version: '1',
      description,
      license: { name: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [
      'sessions',
      'events',
      'checkpoints',
      'approvals',
      'tasks',
      'agents',
      'workers',
      'artifacts',
      'contexts',
      'fleet',
      'admin',
      'live',
      'keys',
      'webhooks',
      'plain',
    ].map((name) => ({ name })),
  })
}
