import type { Actor } from '#core/actor'
import type { Event } from '#core/event/event'
import { lineage } from '#core/event/lineage.sql'
import { type EventFilter, readEvents } from '#core/event/read'
import type { Services } from '#core/services'

export type LogPage = { text: string; next_after: number; last_seq: number }

/** The history as lines to read, a page at a time; text is kept as it came. @throws not_found */
export async function readLog(
  services: Pick<Services, 'database'>,
  actor: Actor,
  session_id: string,
  filter: Pick<EventFilter, 'after' | 'limit'>,
): Promise<LogPage> {
  const [page, keys] = await Promise.all([
    readEvents(services, actor, session_id, { ...filter, types: null }),
    taskKeys(services, actor, session_id),
  ])
  const text = page.items.map((event) => linesOf(event, keys)).join('')
  return { text, next_after: page.next_after, last_seq: page.last_seq }
}

async function taskKeys(services: Pick<Services, 'database'>, actor: Actor, session_id: string) {
  const rows = await services.database.query<{ id: string; key: string }>(actor.tenant_id, {
    name: 'task_keys',
    text: `with recursive ${lineage} select t.id, t.key from line l join task t on t.session_id = l.id`,
    values: [session_id],
  })
  return new Map(rows.map(({ id, key }) => [id, key]))
}

function linesOf({ at, type, task_id, data }: Event, keys: Map<string, string>) {
  const who = task_id ? (keys.get(task_id) ?? task_id) : '-'
  const fields: Record<string, unknown> = { ...data }
  const head = `${at} ${who}`
  if (type !== 'log') return `${head} ${type}${factsOf(fields)}\n`
  const stream = [fields.stream, fields.tool, fields.status].filter(Boolean).join(' ')
  return String(fields.text ?? '')
    .replace(/\r?\n$/, '')
    .split('\n')
    .map((line) => `${head} ${stream}: ${line}\n`)
    .join('')
}

/** What a person wants of a change at a glance; the whole of it is in the events. */
const shown = ['from', 'to', 'agent', 'attempt', 'code', 'message', 'reason', 'sentence', 'text', 'summary']

function factsOf(data: Record<string, unknown>) {
  const facts = shown.flatMap((name) => {
    const value = data[name]
    if (typeof value !== 'string' && typeof value !== 'number') return []
    return [`${name}=${typeof value === 'string' && /[\s"]/.test(value) ? JSON.stringify(value) : value}`]
  })
  return facts.length > 0 ? ` ${facts.join(' ')}` : ''
}
