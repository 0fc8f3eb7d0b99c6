import type { Actor } from '#core/actor'
import { sessionColumns } from '#core/change/load.sql'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import type { Session, Waiting } from './session.ts'
import { isTerminal, legalActions, type SessionAction } from './states.ts'

export type SessionView = Omit<Session, 'tenant_id' | 'step_errors'> & {
  success_rate: number | null
  tasks: { total: number; completed: number; running: number; failed: number }
  actions: SessionAction[]
}

type Row = Session & { task_counts: SessionView['tasks']; task_waiting: Waiting | null }

const columns = `${sessionColumns}, work.task_counts, work.task_waiting`

/** What a reader needs of the tasks; index: task_session_id_key_key. */
const workOf = /* sql */ `
  cross join lateral (
    select json_build_object(
        'total', count(*), 'completed', count(*) filter (where t.state = 'COMPLETED'),
        'running', count(*) filter (where t.state in ('RUNNING', 'AWAITING_INPUT')),
        'failed', count(*) filter (where t.state = 'FAILED')) as task_counts,
      (array_agg(t.waiting order by t.ready_at) filter (
        where t.waiting is not null and t.state in ('READY', 'AWAITING_INPUT')))[1] as task_waiting
    from task t where t.session_id = s.id
  ) work`

/** A session as it is answered. @throws not_found */
export async function readSession(
  services: Pick<Services, 'database'>,
  actor: Actor,
  id: string,
): Promise<SessionView> {
  const [row] = await services.database.query<Row>(actor.tenant_id, {
    name: 'read_session',
    text: `select ${columns} from session s ${workOf} where s.id = $1::text`,
    values: [id],
  })
  if (!row) throw notFound('session', id)
  return toView(row)
}

export type SessionFilter = {
  states: string[] | null
  priorities: string[] | null
  label: string | null
  q: string | null
  limit: number
  before: string | null
}

/** A list stops at this many bytes of prompts, plans and results, with a cursor. */
const maxBytes = 4_000_000

/** Sessions, newest first, stable under inserts: the cursor is the last id; index: session_list. */
export async function listSessions(
  services: Pick<Services, 'database'>,
  actor: Actor,
  filter: SessionFilter,
) {
  const rows = await services.database.query<Row & { picked: number }>(actor.tenant_id, {
    name: 'list_sessions',
    text: /* sql */ `
      with picked as (
        select *, octet_length(prompt) + coalesce(octet_length(plan::text), 0)
                    + coalesce(octet_length(result::text), 0) as weight
        from session
        where ($1::text[] is null or state = any($1::text[]))
          and ($2::text[] is null or priority::text = any($2::text[]))
          and ($3::text is null or $3::text = any(labels))
          and ($4::text is null or strpos(lower(title), lower($4::text)) > 0 or id = $4::text)
          and ($5::text is null or id < $5::text)
        order by id desc limit $6::int + 1
      )
      select ${columns}, s.picked from (
        select *, sum(weight) over newest as bytes, row_number() over newest as place, count(*) over () as picked
        from picked window newest as (order by id desc)
      ) s ${workOf}
      where s.place <= $6::int and (s.bytes <= ${maxBytes} or s.place = 1)
      order by s.id desc`,
    values: [filter.states, filter.priorities, filter.label, filter.q, filter.before, filter.limit],
  })
  const items = rows.map(({ picked: _picked, ...row }) => toView(row))
  const more = rows.length < (rows[0]?.picked ?? 0)
  return { items, next_cursor: more ? (items.at(-1)?.id ?? null) : null }
}

function toView({
  tenant_id: _tenant,
  step_errors: _errors,
  task_counts,
  task_waiting,
  ...session
}: Row): SessionView {
  const { attempts_finished, attempts_succeeded } = session
  return {
    ...session,
    waiting: session.waiting ?? waitingOf(session, task_waiting),
    success_rate: attempts_finished === 0 ? null : attempts_succeeded / attempts_finished,
    tasks: task_counts,
    actions: legalActions(session.state, 'operator'),
  }
}

function waitingOf(
  session: Pick<Session, 'state' | 'created_at' | 'queued_at' | 'settle_by'>,
  task: Waiting | null,
): Waiting | null {
  const { state } = session
  if (isTerminal(state)) return null
  if (state === 'PENDING') {
    return {
      reason: 'not_started',
      sentence: 'Not started. Start it when you are ready.',
      since: session.created_at,
      until: null,
    }
  }
  if (state === 'QUEUED') {
    const since = session.queued_at ?? session.created_at
    return { reason: 'queued', sentence: 'Waits for a place among the running sessions.', since, until: null }
  }
  if (state === 'PAUSING' || state === 'STOPPING') {
    const sentence = 'Waits for its agents to hand back their work.'
    return { reason: 'settling', sentence, since: session.created_at, until: session.settle_by }
  }
  return task
}
