import * as z from 'zod'

const word = z.string().catch('')
const Loose = z.object({
  summary: word,
  tasks: z
    .array(
      z.object({
        key: word,
        title: word,
        instruction: word,
        capability: word,
        depends_on: z.array(word).catch([]),
        checks: z.array(z.object({ command: word, timeout_seconds: z.number().catch(300) })).catch([]),
      }),
    )
    .catch([]),
})

/**
 * Makes a plan that can be accepted from one that was not: only known fields, keys that are words and unique,
 * dependencies that exist and form no circle, and as many tasks as `errors` says are allowed.
 */
export function correctedPlan(input: unknown, errors: string) {
  const plan = Loose.catch({ summary: '', tasks: [] }).parse(input)
  const limit = Number(/at most (\d+) (?:are allowed|tasks)/.exec(errors)?.[1] ?? 1_000)
  const named = withKeys(plan.tasks.slice(0, Math.max(1, limit)))
  const tasks = named.map((task) => ({
    key: task.key,
    title: task.title.slice(0, 200) || task.key,
    instruction: task.instruction.slice(0, 50_000) || task.title || task.key,
    capability: /^[A-Z][A-Z0-9_]{0,63}$/.test(task.capability) ? task.capability : 'CODE_GENERATION',
    depends_on: task.depends_on,
    checks: task.checks
      .filter(({ command }) => command !== '' && command.length <= 4_000)
      .slice(0, 20)
      .map(({ command, timeout_seconds }) => ({ command, timeout_seconds: bounded(timeout_seconds) })),
  }))
  return { summary: plan.summary.slice(0, 10_000), tasks: withoutCircles(tasks) }
}

const bounded = (seconds: number) => Math.min(3_600, Math.max(1, Math.round(seconds)))

/** The engine keeps `plan` and `integrate` for tasks of its own. */
function withKeys<T extends { key: string; title: string; depends_on: string[] }>(tasks: T[]): T[] {
  const taken = new Set(['plan', 'integrate'])
  const renamed = new Map<string, string>()
  const named = tasks.map((task, i) => {
    const slug = (task.key || task.title)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
    const base = slug.slice(0, 55) || `task-${i + 1}`
    let key = base
    for (let n = 2; taken.has(key); n += 1) key = `${base}-${n}`
    taken.add(key)
    if (!renamed.has(task.key)) renamed.set(task.key, key)
    return { ...task, key }
  })
  return named.map((task) => ({
    ...task,
    depends_on: task.depends_on.flatMap((key) => renamed.get(key) ?? []).slice(0, 100),
  }))
}

/** Takes tasks whose needs are met, in order; where none is left without a circle, the next loses its needs. */
function withoutCircles<T extends { key: string; depends_on: string[] }>(tasks: T[]): T[] {
  const met = new Set<string>()
  const free = new Set<string>()
  while (met.size < tasks.length) {
    const left = tasks.filter(({ key }) => !met.has(key))
    const next = left.find(({ depends_on }) => depends_on.every((key) => met.has(key))) ?? left[0]
    if (!next) break
    if (!next.depends_on.every((key) => met.has(key))) free.add(next.key)
    met.add(next.key)
  }
  return tasks.map((task) => (free.has(task.key) ? { ...task, depends_on: [] } : task))
}
