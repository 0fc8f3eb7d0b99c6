import type { Actor } from '#core/actor'
import { sessionColumns } from '#core/change/load.sql'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import type { Session } from './session.ts'
import { type SessionView, toViews, type ViewRow } from './view.ts'

const columns = `${sessionColumns}, work.task_counts`

/** What a reader needs of the tasks; index: task_session_id_key_key. */
const workOf = /* sql */ `
  cross join lateral (
    select json_build_object(
        'total', count(*), 'completed', count(*) filter (where t.state = 'COMPLETED'),
        'running', count(*) filter (where t.state in ('RUNNING', 'AWAITING_INPUT')),
        'failed', count(*) filter (where t.state = 'FAILED')) as task_counts
    from task t where t.session_id = s.id
  ) work`

/** A session as it is answered. @throws not_found */
export async function readSession(
  services: Pick<Services, 'database'>,
  actor: Actor,
  id: string,
): Promise<SessionView> {
  const [row] = await services.database.query<ViewRow>(actor.tenant_id, {
    name: 'read_session',
    text: `select ${columns} from session s ${workOf} where s.id = $1::text`,
    values: [id],
  })
  if (!row) throw notFound('session', id)
  const [view] = await toViews(services.database, actor.tenant_id, [row])
  if (!view) throw notFound('session', id)
  return view
}

export type SessionFilter = {
  priorities: string[] | null
  label: string | null
  q: string | null
}

/** What a filter keeps: $1 priorities, $2 label, $3 text of the title or an id. */
export const matching = /* sql */ `
  ($1::text[] is null or priority::text = any($1::text[]))
  and ($2::text is null or $2::text = any(labels))
  and ($3::text is null or strpos(lower(title), lower($3::text)) > 0 or id = $3::text)`

/** Orders of the list, and what comes after the place $5. Ids are in the order of time; index: session_list. */
const orders = {
  newest: { by: 'id desc', after: 'id < $5::text' },
  oldest: { by: 'id asc', after: 'id > $5::text' },
  // No index: it would be written with each session for a page that is asked for now and then.
  priority: {
    by: 'priority desc, id desc',
    after: `(priority, id) < (split_part($5::text, '.', 1)::priority, split_part($5::text, '.', 2))`,
  },
} as const
export type SessionSort = keyof typeof orders
export const sessionSorts = ['newest', 'oldest', 'priority'] as const satisfies readonly SessionSort[]

/** Where a list goes on after this one. */
function placeOf(sort: SessionSort, { id, priority }: Pick<Session, 'id' | 'priority'>) {
  return sort === 'priority' ? `${priority}.${id}` : id
}

/** A list stops at this many bytes of prompts, plans and results, with a cursor. */
const maxBytes = 4_000_000

export type SessionPage = SessionFilter & {
  states: string[] | null
  sort: SessionSort
  limit: number
  after: string | null
}

/** Sessions in an order, stable under inserts: the cursor is the place of the last one. */
export async function listSessions(services: Pick<Services, 'database'>, actor: Actor, page: SessionPage) {
  const { sort, states, priorities, label, q, after, limit } = page
  const { by, after: isAfter } = orders[sort]
  const rows = await services.database.query<ViewRow & { picked: number }>(actor.tenant_id, {
    name: `list_sessions_${sort}`,
    text: /* sql */ `
      with picked as (
        select *, octet_length(prompt) + coalesce(octet_length(plan::text), 0)
                    + coalesce(octet_length(result::text), 0) as weight
        from session
        where id in (
          select id from session
          where ${matching} and ($4::text[] is null or state = any($4::text[]))
            and ($5::text is null or ${isAfter})
          order by ${by} limit $6::int + 1
        )
      )
      select ${columns}, s.picked from (
        select *, sum(weight) over ordered as bytes, row_number() over ordered as place, count(*) over () as picked
        from picked window ordered as (order by ${by})
      ) s ${workOf}
      where s.place <= $6::int and (s.bytes <= ${maxBytes} or s.place = 1)
      order by s.place`,
    values: [priorities, label, q, states, after, limit],
  })
  const items = await toViews(
    services.database,
    actor.tenant_id,
    rows.map(({ picked: _picked, ...row }) => row),
  )
  const last = items.at(-1)
  const more = rows.length < (rows[0]?.picked ?? 0)
  return { items, next_cursor: more && last ? placeOf(sort, last) : null }
}
