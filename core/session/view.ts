import type { Database } from '#core/database/database'
import { diagnose } from '#core/diagnosis/diagnosis'
import { type LoadedFacts, loadFacts } from '#core/diagnosis/facts.sql'
import type { Session, Waiting } from './session.ts'
import { legalActions, type SessionAction } from './states.ts'

export type SessionView = Omit<Session, 'tenant_id' | 'step_errors'> & {
  success_rate: number | null
  tasks: { total: number; completed: number; running: number; failed: number }
  actions: SessionAction[]
  /** Its place among those that wait for one, 1 being next; null when it is not QUEUED. */
  queue_position: number | null
}

/** A session with what a reader needs of its tasks. */
export type ViewRow = Session & { task_counts: SessionView['tasks'] }

/** Why they do not move, in the words of the diagnosis; null where they do. */
export async function toViews(
  database: Database,
  tenant_id: string,
  rows: ViewRow[],
): Promise<SessionView[]> {
  const ids = rows.filter(({ state }) => needsFacts.includes(state)).map(({ id }) => id)
  const facts = await loadFacts(database, tenant_id, ids)
  return rows.map((row) => toView(row, facts.get(row.id)))
}

/** What the others wait for is in the session itself. */
const needsFacts: readonly Session['state'][] = ['QUEUED', 'RUNNING', 'PAUSING', 'STOPPING']

function toView(row: ViewRow, facts: LoadedFacts | undefined): SessionView {
  const { tenant_id: _tenant, step_errors: _errors, task_counts, ...session } = row
  const { attempts_finished, attempts_succeeded } = session
  return {
    ...session,
    waiting: waitingOf(row, facts),
    success_rate: attempts_finished === 0 ? null : attempts_succeeded / attempts_finished,
    tasks: task_counts,
    actions: legalActions(session.state, 'operator'),
    queue_position: session.state === 'QUEUED' && facts ? facts.queue.before + 1 : null,
  }
}

/** A session that is worked on, or that the engine is about to look at, waits for nobody. */
function waitingOf(session: Session, facts: LoadedFacts | undefined): Waiting | null {
  if (!facts && needsFacts.includes(session.state)) return null
  const { waiting } = diagnose({ ...nothingKnown, ...facts, session, alive: null })
  if (!waiting) return null
  const { reason, sentence, since, until, owner } = waiting
  const goesOn = owner === 'agent' || (owner === 'engine' && reason !== 'engine_failing')
  if (session.state === 'RUNNING' && goesOn) return null
  return { reason, sentence, since, until }
}

const nothingKnown: LoadedFacts = {
  tasks: [],
  agents: [],
  queue: { before: 0, running: 0, limit: 0, tokens_until: null },
  now: '',
}
