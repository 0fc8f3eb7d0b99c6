import type { WholeCheckpoint } from '../../../api/types.ts'

/** One thing that two checkpoints hold differently; undefined where one of them does not have it. */
export type Change = { of: string; field: string; before: string | undefined; after: string | undefined }

/** What says the same thing again, or changes with everything else. */
const passed = ['id', 'key', 'version', 'tenant_id', 'session_id']

/** What is different between two checkpoints: of the session first, then of each task that either of them knows. */
export function changesBetween(before: WholeCheckpoint | null, after: WholeCheckpoint): Change[] {
  const keys = new Map(after.tasks.map((task) => [task.id, task]))
  const old = new Map(before?.tasks.map((task) => [task.id, task]))
  const all = [...after.tasks, ...(before?.tasks.filter(({ id }) => !keys.has(id)) ?? [])]
  return [
    ...fields('Session', before?.session ?? {}, after.session),
    ...all.flatMap((task) => {
      const { id } = task
      return fields(nameOf(task), old.get(id) ?? {}, keys.get(id) ?? {})
    }),
  ]
}

function nameOf({ key, id }: Record<string, unknown>) {
  return typeof key === 'string' ? key : String(id)
}

function fields(of: string, before: Record<string, unknown>, after: Record<string, unknown>): Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names
    .filter((name) => !passed.includes(name) && JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .flatMap((field) => pair(of, field, before[field], after[field]))
}

/** What holds figures or facts of its own is told fact by fact. */
function pair(of: string, field: string, before: unknown, after: unknown): Change[] {
  const [a, b] = [recordOf(before), recordOf(after)]
  if ((a ?? before ?? null) === null && b) return below(of, field, {}, b)
  if (a && (b ?? after ?? null) === null) return below(of, field, a, {})
  if (a && b) return below(of, field, a, b)
  return [{ of, field, before: shown(before), after: shown(after) }]
}

function below(of: string, field: string, before: Record<string, unknown>, after: Record<string, unknown>) {
  return fields(of, before, after).map((change) => ({ ...change, field: `${field}.${change.field}` }))
}

function recordOf(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
}

function shown(value: unknown) {
  if (value === undefined) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}
