import * as pulumi from '@pulumi/pulumi'
import { getStore } from '@pulumi/pulumi/runtime/state.js'
import { answerOf, stateOf } from './aws.ts'
import type { Declared } from './graph.ts'

/** How Pulumi marks a secret on its wire. */
const secretMark = '4dabf18193072939515e22adb298388d'
/** Pulumi's own list of what is under way is empty at the end; what never ends is given up after so long. */
const quietMs = 250
const stuckMs = 20_000
const deadlineMs = 120_000

/** Runs a program as the engine would, with AWS's answers made up, until nothing more is declared. */
export async function evaluate(program: () => Promise<unknown>) {
  const resources: Declared[] = []
  const failures: unknown[] = []
  let last = Date.now()
  process.on('unhandledRejection', (reason) => failures.push(reason))
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs, id }) {
        last = Date.now()
        const values = plain(inputs)
        if (!isValues(values)) throw new Error(`${name} has no inputs`)
        if (id === undefined || id === '') resources.push({ type, name, inputs: values, dependencies: [] })
        return { id: id || `${name}-id`, state: stateOf(type, name, values) }
      },
      call({ token, inputs }) {
        last = Date.now()
        return answerOf(token, inputs)
      },
    },
    'orchestrator',
    $app.stage,
    false,
  )
  const dependencies = recordDependencies()
  let outputs: unknown
  let over = false
  pulumi.runtime
    .runInPulumiStack(async () => {
      outputs = await resolved(await program())
      return {}
    })
    .then(
      () => {
        over = true
      },
      (error: unknown) => failures.push(error),
    )
  const until = Date.now() + deadlineMs
  const isOver = () => {
    const quiet = Date.now() - last
    return over && quiet > (getStore().leakCandidates.size === 0 ? quietMs : stuckMs)
  }
  while (failures.length === 0 && !isOver()) {
    if (Date.now() > until) throw new Error('The program has not come to an end')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  if (failures.length > 0) throw failures[0]
  for (const found of resources) found.dependencies = dependencies.get(`${found.type} ${found.name}`) ?? []
  return { resources, outputs }
}

type Registration = { getType(): string; getName(): string; getDependenciesList(): string[] }

/** The mocks are not told what a resource waits for: listens to the registrations themselves. */
function recordDependencies() {
  const found = new Map<string, string[]>()
  const monitor = pulumi.runtime.getMonitor()
  const register: unknown = monitor && Reflect.get(monitor, 'registerResource')
  if (!monitor || typeof register !== 'function') throw new Error('Pulumi has no monitor')
  Object.assign(monitor, {
    registerResource(request: Registration, ...rest: unknown[]) {
      const names = request.getDependenciesList().map((urn) => urn.split('::').at(-1) ?? urn)
      found.set(`${request.getType()} ${request.getName()}`, names)
      return Reflect.apply(register, monitor, [request, ...rest])
    },
  })
  return found
}

type Values = Record<string, unknown>

const isValues = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const resolved = (outputs: unknown) =>
  new Promise((resolve) => {
    pulumi.all([outputs]).apply(([value]) => resolve(plain(value)))
  })

/** Values without Pulumi's wrappings. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (!isValues(value)) return value
  if (secretMark in value && 'value' in value) return plain(value.value)
  if (pulumi.asset.Asset.isInstance(value) || pulumi.asset.Archive.isInstance(value)) return '(asset)'
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}
