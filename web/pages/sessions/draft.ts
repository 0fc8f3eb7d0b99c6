import type { NewSession, Session } from '../../api/types.ts'

/** What the form holds: text as it was typed. */
export type Draft = {
  title: string
  prompt: string
  priority: Session['priority']
  repository: string
  base: string
  labels: string
  approval: 'auto' | 'ask'
  /** In minutes. */
  patience: string
  unanswered: 'deny' | 'allow'
  tokens: string
  cost: string
  /** In minutes. */
  time: string
  tasks: string
}

export const emptyDraft: Draft = {
  title: '',
  prompt: '',
  priority: 'MEDIUM',
  repository: '',
  base: '',
  labels: '',
  approval: 'auto',
  patience: '60',
  unanswered: 'deny',
  tokens: '',
  cost: '',
  time: '',
  tasks: '',
}

/** The fields of the form that an error of the API concerns, by JSON pointer. */
const pointers: readonly [pointer: string, field: keyof Draft][] = [
  ['/title', 'title'],
  ['/prompt', 'prompt'],
  ['/repository/url', 'repository'],
  ['/repository/base', 'base'],
  ['/labels', 'labels'],
  ['/approval_policy/timeout_seconds', 'patience'],
  ['/budget/tokens', 'tokens'],
  ['/budget/cost_usd', 'cost'],
  ['/budget/seconds', 'time'],
  ['/budget/tasks', 'tasks'],
]

export type Faults = { fields: ReadonlyMap<keyof Draft, string>; others: readonly string[] }
export const noFaults: Faults = { fields: new Map(), others: [] }

/** Errors by the field they belong to; those of no field are told above the form. */
export function placeFaults(errors: ReadonlyMap<string, string>): Faults {
  const fields = new Map<keyof Draft, string>()
  const others: string[] = []
  for (const [pointer, message] of errors) {
    const at = pointers.find(([prefix]) => pointer === prefix || pointer.startsWith(`${prefix}/`))
    if (at) fields.set(at[1], message)
    else others.push(`${pointer} ${message}`.trim())
  }
  return { fields, others }
}

/** Faults that the API could not tell, since the text makes no number; and the request where there are none. */
export function readDraft(draft: Draft, start: boolean): { body: NewSession; faults: Faults } {
  const fields = new Map<keyof Draft, string>()
  const number = (field: 'tokens' | 'cost' | 'time' | 'tasks' | 'patience') => {
    const text = draft[field].replaceAll(/[\s,_]/g, '')
    if (text === '') return null
    const value = Number(text)
    if (Number.isFinite(value)) return value
    fields.set(field, 'must be a number')
    return null
  }
  const minutes = (field: 'time' | 'patience') => {
    const value = number(field)
    return value === null ? null : Math.round(value * 60)
  }
  const timeout = minutes('patience')
  const policy = {
    mode: draft.approval,
    default: draft.unanswered,
    ...(timeout === null ? {} : { timeout_seconds: timeout }),
  }
  const base = draft.base.trim()
  const url = draft.repository.trim()
  if (base !== '' && url === '') fields.set('repository', 'is needed where a branch is given')
  const body: NewSession = {
    title: draft.title.trim(),
    prompt: draft.prompt.trim(),
    priority: draft.priority,
    repository: url === '' ? null : { url, base: base === '' ? null : base },
    labels: draft.labels.split(/[\s,]+/).filter(Boolean),
    approval_policy: draft.approval === 'ask' ? policy : { mode: 'auto' },
    budget: {
      tokens: number('tokens'),
      cost_usd: number('cost'),
      seconds: minutes('time'),
      tasks: number('tasks'),
    },
    start,
  }
  if (body.title === '') fields.set('title', 'is needed: a few words to find it by')
  if (body.prompt === '') fields.set('prompt', 'is needed: what the Architect is to plan')
  return { body, faults: { fields, others: [] } }
}
