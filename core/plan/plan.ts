import * as z from 'zod'
import { wellKnownCapabilities } from '#core/capabilities'

export { wellKnownCapabilities }

export const Capability = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,63}$/, 'must be an upper-case word such as CODE_GENERATION')

export const Check = z.strictObject({
  command: z.string().min(1).max(4_000),
  timeout_seconds: z.int().min(1).max(3_600).default(300),
})
export type Check = z.infer<typeof Check>

export const PlannedTask = z.strictObject({
  key: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes, at most 63'),
  title: z.string().min(1).max(200),
  instruction: z.string().min(1).max(50_000),
  capability: Capability,
  depends_on: z.array(z.string()).max(100).default([]),
  checks: z.array(Check).max(20).default([]),
})
export type PlannedTask = z.infer<typeof PlannedTask>

export const maxTasks = 1_000

export const Plan = z.strictObject({
  summary: z.string().max(10_000).default(''),
  tasks: z.array(PlannedTask).min(1).max(maxTasks),
})
export type Plan = z.infer<typeof Plan>

/** Keys that the engine gives to the tasks it makes itself. */
export const reservedKeys = { plan: 'plan', integrate: 'integrate' } as const

type Verdict = { ok: true; plan: Plan } | { ok: false; errors: { pointer: string; message: string }[] }

/**
 * Checks a plan as a whole: its shape, unique keys, known dependencies, no cycle, at most `limit` tasks.
 * Never throws: the errors are given back to the model, or to the caller, with JSON pointers.
 */
export function validatePlan(input: unknown, limit: number = maxTasks): Verdict {
  const parsed = Plan.safeParse(input)
  if (!parsed.success) {
    return {
      ok: false,
      errors: parsed.error.issues.map(({ path, message }) => ({
        pointer: path.map((part) => `/${String(part)}`).join(''),
        message,
      })),
    }
  }
  const plan = parsed.data
  const errors = [...tooMany(plan, limit), ...badKeys(plan), ...badDependencies(plan)]
  if (errors.length === 0) errors.push(...cycles(plan))
  return errors.length === 0 ? { ok: true, plan } : { ok: false, errors }
}

function tooMany(plan: Plan, limit: number) {
  if (plan.tasks.length <= limit) return []
  return [{ pointer: '/tasks', message: `has ${plan.tasks.length} tasks, at most ${limit} are allowed` }]
}

function badKeys(plan: Plan) {
  const seen = new Set<string>(Object.values(reservedKeys))
  return plan.tasks.flatMap(({ key }, i) => {
    const taken = seen.has(key)
    seen.add(key)
    return taken ? [{ pointer: `/tasks/${i}/key`, message: `"${key}" is taken; choose another key` }] : []
  })
}

function badDependencies(plan: Plan) {
  const keys = new Set(plan.tasks.map(({ key }) => key))
  return plan.tasks.flatMap(({ depends_on }, i) =>
    depends_on.flatMap((key, j) =>
      keys.has(key)
        ? []
        : [{ pointer: `/tasks/${i}/depends_on/${j}`, message: `no task has the key "${key}"` }],
    ),
  )
}

function cycles(plan: Plan) {
  const circle = circleIn(new Map(plan.tasks.map(({ key, depends_on }) => [key, depends_on])))
  if (circle.length === 0) return []
  return [{ pointer: '/tasks', message: circleMessage(circle) }]
}

export const circleMessage = (circle: string[]) => `depend on each other in a circle: ${circle.join(', ')}`

/** Takes away what depends on nothing left (Kahn 1962), then what only hangs on a circle; what stays is in one. */
export function circleIn(needs: ReadonlyMap<string, string[]>) {
  const neededBy = new Map<string, string[]>([...needs.keys()].map((key) => [key, []]))
  for (const [key, list] of needs) for (const need of list) neededBy.get(need)?.push(key)
  return [...withoutEnds(neededBy, withoutEnds(needs, new Set(needs.keys())))]
}

/** Takes away those that lead to nobody left, until nothing moves. */
function withoutEnds(edges: ReadonlyMap<string, string[]>, keys: Set<string>) {
  let left = keys
  for (;;) {
    const next = new Set([...left].filter((key) => edges.get(key)?.some((other) => left.has(other))))
    if (next.size === left.size) return left
    left = next
  }
}
