import { isDeepStrictEqual } from 'node:util'
import { toTask } from '#core/change/load.sql'
import type { Database, Statement } from '#core/database/database'
import { type Event, type NewEvent, readPage } from '#core/event/event'
import { lineage } from '#core/event/lineage.sql'
import { type Replayed, replay } from '#core/session/replay'
import type { Session } from '#core/session/session'
import type { Task } from '#core/task/task'

/** Statements that change a session; their first value names it, or all of them as rows. */
const writers = new Set(['commit', 'report', 'insert_session', 'insert_fork'])

type Row = { session: Session; tasks: Task[]; pages: { first_seq: number; page: string }[] }

/** A session, its tasks and its whole history at one moment. */
const sql = /* sql */ `
with recursive ${lineage}
select to_json(s) as session,
  (select coalesce(json_agg(t order by t.id), '[]') from task t where t.session_id = s.id) as tasks,
  (select json_agg(json_build_object('first_seq', p.first_seq, 'page', p.page) order by p.first_seq)
   from line l join event_page p on p.session_id = l.id and p.first_seq > l.after and p.first_seq <= l.upto) as pages
from session s where s.id = $1::text`

/** How stored rows differ from what their events alone tell, or null. */
export async function replayFault(engine: Database, id: string) {
  const [row] = await engine.query<Row>(null, { name: 'replay', text: sql, values: [id] })
  if (!row) return null
  const events = row.pages.flatMap(({ first_seq, page }) => readPage(id, first_seq, page))
  return faultOf(events, row)
}

/** The same for rows and events at hand. */
export function faultOf(events: Iterable<Event | NewEvent>, stored: Pick<Row, 'session' | 'tasks'>) {
  const told = replay(events)
  const replayed = told && plain(told)
  const expected = storedOf(stored)
  if (isDeepStrictEqual(replayed, expected)) return null
  return `${stored.session.id}: its events tell ${JSON.stringify(replayed)}, stored is ${JSON.stringify(expected)}`
}

/** The database behind a watch: after every statement that changes sessions, these are replayed. */
export function watched(database: Database, engine: Database, faults: string[]): Database {
  return {
    ...database,
    async query<R extends object>(tenant_id: string | null, statement: Statement) {
      const rows = await database.query<R>(tenant_id, statement)
      if (writers.has(statement.name))
        for (const id of sessionsIn(statement)) {
          const fault = await replayFault(engine, id)
          if (fault) faults.push(fault)
        }
      return rows
    },
  }
}

function sessionsIn({ name, values }: Statement): string[] {
  const given = String(values[name === 'insert_fork' ? 4 : 0])
  const parsed: unknown = JSON.parse(given)
  const rows: { id?: string; session_id?: string }[] = Array.isArray(parsed) ? parsed : [parsed]
  return rows.flatMap(({ session_id, id }) => session_id ?? id ?? [])
}

function storedOf({ session, tasks }: Pick<Row, 'session' | 'tasks'>) {
  const { title, priority, labels, budget, state, failure, usage, result } = session
  const { branch = null, commit = null } = result ?? {}
  const all = tasks.map(toTask)
  return plain({
    ...{ title, priority, labels, budget, state, failure, usage, branch, commit },
    tasks: new Map(
      all.map((task) => {
        const { id, key, kind, title, capability, depends_on, parent_id, state } = task
        const { attempt, failures, losses, agent_id, error, usage, result } = task
        const what = { id, key, kind, title, capability, depends_on, parent_id, state }
        return [
          id,
          { ...what, attempt, failures, losses, agent_id, error, usage, commit: result?.commit ?? null },
        ]
      }),
    ),
  })
}

/** As JSON compares it: tasks by id, money to the millionth of a cent. */
function plain(replayed: Replayed): unknown {
  const tasks = [...replayed.tasks.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  const text = JSON.stringify(sorted({ ...replayed, tasks }))
  return JSON.parse(text)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value === 'number') return Math.round(value * 1e8) / 1e8
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => [key, sorted(part)]),
  )
}
