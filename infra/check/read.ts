import type { Graph } from './graph.ts'

type Values = Record<string, unknown>

const isValues = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What is at a path like `loggingConfig.logFormat` or `vpc.0`; undefined when nothing is. */
export function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => {
    if (Array.isArray(inner)) return inner[Number(key)]
    return isValues(inner) ? inner[key] : undefined
  }, value)
}

export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
export const texts = (value: unknown) => list(value).map(String)
export const json = (value: unknown): unknown => (typeof value === 'string' ? JSON.parse(value) : value)

/** The resources of a type, like `aws:sqs/queue:Queue`. */
export const ofType = (graph: Graph, type: string) => graph.resources.filter((found) => found.type === type)

/** The inputs of one resource. Throws when there is none: a rule about it would say nothing. */
export function one(graph: Graph, type: string, name: string) {
  const found = ofType(graph, type).find((resource) => resource.name === name)
  if (!found) throw new Error(`There is no ${type} ${name}`)
  return found.inputs
}

export type Statement = { effect: string; actions: string[]; resources: string[] }

/** The statements of a policy document, as the evaluation keeps them. */
export const statements = (policy: unknown): Statement[] =>
  list(at(json(policy), 'Statement')).map((statement) => ({
    effect: String(at(statement, 'effect') ?? 'Allow'),
    actions: texts(at(statement, 'actions')),
    resources: texts(at(statement, 'resources')),
  }))

/** What a role allows by itself, without AWS's managed policies. */
export const allowed = (role: Values) =>
  list(role.inlinePolicies).flatMap((policy) => statements(at(policy, 'policy')))

export const titleOf = (name: string) => `${name[0]?.toUpperCase()}${name.slice(1)}`

/** The Lambda function that a name of the wiring became. */
export const lambdaOf = (graph: Graph, name: string) =>
  one(graph, 'aws:lambda/function:Function', `${titleOf(name)}FunctionFunction`)

export const variablesOf = (graph: Graph, name: string) => {
  const variables = at(lambdaOf(graph, name), 'environment.variables')
  return Object.fromEntries(
    Object.entries(isValues(variables) ? variables : {}).map(([key, value]) => [key, String(value)]),
  )
}

/** Says what is not as wanted, one line each; nothing when all is. */
export function differences(what: string, found: unknown, wanted: Values) {
  return Object.entries(wanted).flatMap(([path, value]) => {
    const is = at(found, path)
    return JSON.stringify(is) === JSON.stringify(value)
      ? []
      : [`${what}: ${path} is ${JSON.stringify(is)}, not ${JSON.stringify(value)}`]
  })
}
