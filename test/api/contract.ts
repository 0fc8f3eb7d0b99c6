import { Ajv2020 } from 'ajv/dist/2020.js'
import * as z from 'zod'
import type { Answer, Sent } from './open.ts'

/** The OpenAPI document as the tests read it: what each operation takes, and what it may answer. */
const Schema = z.record(z.string(), z.unknown())
export type Schema = z.infer<typeof Schema>

const Parameter = z.looseObject({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  schema: Schema,
})
const Content = z.record(z.string(), z.looseObject({ schema: Schema }))
const Operation = z.looseObject({
  operationId: z.string(),
  parameters: z.array(Parameter).default([]),
  requestBody: z.looseObject({ content: Content }).optional(),
  responses: z.record(z.string(), z.looseObject({ content: Content.default({}) })),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
})
const Document = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.looseObject({ schemas: z.record(z.string(), Schema) }),
})

export type Call = (method: string, target: string, sent?: Sent) => Promise<Answer>
export type Operation = z.infer<typeof Operation> & {
  method: string
  path: string
  body: Schema | null
  /** Only an agent's token may call it. */
  worker: boolean
}

const isWorker = (security: Operation['security']) =>
  security?.length === 1 && Object.keys(security[0] ?? {}).join() === 'agent'

/** Reads the document that the API itself answers. */
export async function readContract(call: Call) {
  const document = Document.parse((await call('GET', '/openapi.json')).json)
  const { schemas } = document.components
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]): Operation => ({
        ...operation,
        method: method.toUpperCase(),
        path,
        body: operation.requestBody?.content['application/json']?.schema ?? null,
        worker: isWorker(operation.security),
      }),
    ),
  )
  return { operations, schemas, faultsOf: checkerOf(schemas) }
}

/** A schema, or what it refers to. */
export function resolve(schemas: Record<string, Schema>, schema: Schema): Schema {
  const name = typeof schema.$ref === 'string' ? schema.$ref.split('/').at(-1) : undefined
  return name === undefined ? schema : (schemas[name] ?? {})
}

/** Says how an answer breaks what the document says of its operation; nothing when it does not. */
function checkerOf(schemas: Record<string, Schema>) {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
  ajv.addFormat('uri', true)
  ajv.addSchema({ $id: 'openapi', components: { schemas } })
  const compiled = new Map<string, ReturnType<typeof ajv.compile>>()
  const validatorOf = (schema: Schema) => {
    const text = JSON.stringify(schema).replaceAll('"#/', '"openapi#/')
    const known = compiled.get(text) ?? ajv.compile(JSON.parse(text))
    compiled.set(text, known)
    return known
  }
  return ({ responses }: Operation, { status, headers, json, text }: Answer): string[] => {
    const response = responses[String(status)]
    if (!response) return [`${status} is not documented: ${text.slice(0, 300)}`]
    const type = (headers['content-type'] ?? '').split(';')[0] ?? ''
    const known = Object.keys(response.content)
    if (known.length === 0) return text === '' ? [] : [`${status} has a body and should have none`]
    const content = response.content[type]
    if (!content) return [`${status} is ${type || 'without a type'}, not one of ${known.join(', ')}`]
    if (!/[/+]json/.test(type)) return []
    const validate = validatorOf(content.schema)
    if (validate(json)) return []
    return (validate.errors ?? []).map(
      ({ instancePath, message }) => `${status} ${instancePath || '/'} ${message}`,
    )
  }
}
