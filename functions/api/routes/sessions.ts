import * as z from 'zod'
import { readDiagnosis } from '#core/diagnosis/read'
import { priorities } from '#core/priority'
import { historyUntil } from '#core/retention/until'
import { listChanges } from '#core/session/changes'
import { controlSession, deleteSession, patchSession, sendMessage } from '#core/session/control'
import { countSessions, SessionCounts } from '#core/session/count'
import { createSession } from '#core/session/create'
import { readDiff } from '#core/session/diff'
import { exportSession } from '#core/session/export'
import { forkSession } from '#core/session/fork'
import {
  listSessions,
  readSession,
  type SessionFilter,
  type SessionSort,
  sessionSorts,
} from '#core/session/read'
import { Fork, NewSession, SessionPatch } from '#core/session/session'
import { sessionStates } from '#core/session/states'
import type { SessionView } from '#core/session/view'
import { listSessionTasks } from '#core/task/read'
import { commaList, decodeCursor, encodeCursor, listQuery } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { ifMatch } from '../etag.ts'
import { invalid } from '../issues.ts'
import { ChangeList, Diagnosis, Message, NewMessage, Session, SessionList } from '../schemas/session.ts'
import { TaskTree } from '../schemas/task.ts'
import type { ApiServices } from '../services.ts'

const base = '/api/v1/sessions'
const one = `${base}/{id}`
const common = { ...nothing, tag: 'sessions', params: { id: 'session' } } as const
const etag = ({ version }: Pick<SessionView, 'version'>) => ({ etag: `"${version}"` })

/** A session as it is answered: also when its history goes. */
function dated({ retention }: ApiServices, session: SessionView) {
  return { ...session, history_until: historyUntil(session, retention) }
}

const controls = {
  start: 'Start a session that is PENDING',
  pause: 'Pause it: its agents hand back their work, saved',
  resume: 'Let a paused session go on',
  stop: 'Stop it for good; only a retry goes on from there',
  retry: 'Retry a FAILED or STOPPED session: what is finished stays finished',
} as const

const filterQuery = {
  priority: commaList(priorities),
  label: z.string().max(100).optional(),
  q: z.string().max(200).optional(),
}

function filterOf({ priority, label, q }: z.output<z.ZodObject<typeof filterQuery>>): SessionFilter {
  return { priorities: priority ?? null, label: label ?? null, q: q ?? null }
}

/** A cursor holds for the order that it was given in. */
function listName(sort: SessionSort) {
  return sort === 'newest' ? 'sessions' : `sessions_${sort}`
}

/** @throws invalid_input */
function placeIn(sort: SessionSort, cursor: string | undefined) {
  const place = decodeCursor(listName(sort), cursor)
  if (place === null || sort !== 'priority') return place
  if (priorities.some((priority) => place.startsWith(`${priority}.`))) return place
  throw invalid('query', [
    { pointer: '/cursor', message: 'must be the next_cursor of an answer of this list' },
  ])
}

/** Sessions: make, list, read, change, control, steer. */
export function sessionRoutes(api: Api) {
  endpoint(api, {
    ...nothing,
    name: 'create_session',
    scope: 'sessions:write',
    method: 'post',
    path: base,
    tag: 'sessions',
    summary: 'Create a session, and start it with `start: true`',
    body: NewSession,
    status: 201,
    answer: Session,
    headers: (session) => ({ ...etag(session), location: `${base}/${session.id}` }),
    audit: { resource: (_call, { id }) => ({ kind: 'session', id }) },
    run: async ({ services, actor, body }) =>
      dated(services, await createSession(services, actor, body, services.repositories)),
  })
  endpoint(api, {
    ...nothing,
    name: 'list_sessions',
    scope: 'sessions:read',
    method: 'get',
    path: base,
    tag: 'sessions',
    summary: 'List sessions: newest first, oldest first, or the most urgent first',
    query: z.strictObject({
      state: commaList(sessionStates),
      ...filterQuery,
      sort: z.enum(sessionSorts).default('newest'),
      ...listQuery,
    }),
    answer: SessionList,
    async run({ services, actor, query }) {
      const { state, sort, limit, cursor } = query
      const page = { ...filterOf(query), states: state ?? null, sort, limit, after: placeIn(sort, cursor) }
      const { items, next_cursor } = await listSessions(services, actor, page)
      return {
        items: items.map((session) => dated(services, session)),
        next_cursor: encodeCursor(listName(sort), next_cursor),
      }
    },
  })
  endpoint(api, {
    ...nothing,
    name: 'count_sessions',
    scope: 'sessions:read',
    method: 'get',
    path: `${base}/counts`,
    tag: 'sessions',
    summary: 'How many sessions of a filter are in each state',
    query: z.strictObject(filterQuery),
    answer: SessionCounts,
    run: ({ services, actor, query }) => countSessions(services, actor, filterOf(query)),
  })
  endpoint(api, {
    ...nothing,
    name: 'list_changes',
    scope: 'sessions:read',
    method: 'get',
    path: `${base}/changes`,
    tag: 'sessions',
    summary: "The latest changes of sessions' states, newest first",
    query: z.strictObject({ limit: z.coerce.number().int().min(1).max(100).default(20) }),
    answer: ChangeList,
    run: async ({ services, actor, query: { limit } }) => ({
      items: await listChanges(services, actor, limit),
    }),
  })
  endpoint(api, {
    ...common,
    name: 'read_session',
    scope: 'sessions:read',
    method: 'get',
    path: one,
    summary: 'Read a session',
    answer: Session,
    headers: etag,
    run: async ({ services, actor, param }) =>
      dated(services, await readSession(services, actor, param('id'))),
  })
  endpoint(api, {
    ...common,
    name: 'diagnose_session',
    scope: 'sessions:read',
    method: 'get',
    path: `${one}/diagnosis`,
    summary: 'What it waits for, down to the one task, agent, approval, quota or timer, and who can move it',
    answer: Diagnosis,
    run: ({ services, actor, param }) => readDiagnosis(services, actor, param('id')),
  })
  endpoint(api, {
    ...common,
    name: 'update_session',
    scope: 'sessions:write',
    method: 'patch',
    path: one,
    summary: 'Change title, priority, labels, budget or approval policy; `If-Match` takes the ETag of a read',
    body: SessionPatch,
    answer: Session,
    headers: etag,
    run: async ({ services, actor, param, body, request }) =>
      dated(services, await patchSession(services, actor, param('id'), body, ifMatch(request))),
  })
  endpoint(api, {
    ...common,
    name: 'delete_session',
    scope: 'sessions:write',
    method: 'delete',
    path: one,
    summary:
      'Delete a session that is PENDING or has ended, with all that hangs on it; not while it has forks',
    status: 204,
    run: ({ services, actor, param }) => deleteSession(services, actor, param('id')),
  })
  endpoint(api, {
    ...common,
    name: 'export_session',
    scope: 'sessions:read',
    method: 'get',
    path: `${one}/export`,
    summary:
      'All that is stored of it, a line of JSON each: `{kind, data}`; where 4 MB do not hold it, `Link` has the next part',
    query: z.strictObject({ after: z.string().max(100).optional() }),
    media: ['application/x-ndjson'],
    async run({ services, actor, param, query }) {
      const { lines, next } = await exportSession(services, actor, param('id'), query.after ?? null)
      const headers = new Headers({ 'content-type': 'application/x-ndjson' })
      if (next) headers.set('link', `<${base}/${param('id')}/export?after=${next}>; rel="next"`)
      return new Response(`${lines.join('\n')}\n`, { headers })
    },
  })
  for (const action of ['start', 'pause', 'resume', 'stop', 'retry'] as const) {
    endpoint(api, {
      ...common,
      name: `${action}_session`,
      scope: 'sessions:write',
      method: 'post',
      path: `${one}/${action}`,
      summary: controls[action],
      answer: Session,
      headers: etag,
      run: async ({ services, actor, param }) =>
        dated(services, await controlSession(services, actor, param('id'), action)),
    })
  }
  endpoint(api, {
    ...common,
    name: 'fork_session',
    scope: 'sessions:write',
    method: 'post',
    path: `${one}/fork`,
    summary: 'Make a session that goes on from a checkpoint of this one, which is not touched',
    body: Fork,
    status: 201,
    answer: Session,
    headers: (session) => ({ ...etag(session), location: `${base}/${session.id}` }),
    audit: { resource: (_call, { id }) => ({ kind: 'session', id }) },
    run: async ({ services, actor, param, body }) =>
      dated(services, await forkSession(services, actor, param('id'), body)),
  })
  endpoint(api, {
    ...common,
    name: 'send_message',
    scope: 'sessions:write',
    method: 'post',
    path: `${one}/messages`,
    summary: 'Say something to the agents that work on it',
    body: NewMessage,
    audit: { size_only: true },
    status: 201,
    answer: Message,
    run: ({ services, actor, param, body }) => sendMessage(services, actor, param('id'), body.text),
  })
  endpoint(api, {
    ...common,
    name: 'list_session_tasks',
    scope: 'sessions:read',
    method: 'get',
    path: `${one}/tasks`,
    tag: 'tasks',
    summary: 'The tree of its tasks, depth first, each with the progress and usage of all below it',
    query: z.strictObject({ ...listQuery, limit: z.coerce.number().int().min(1).max(1_000).default(1_000) }),
    answer: TaskTree,
    async run({ services, actor, param, query: { limit, cursor } }) {
      const after = decodeCursor('tree', cursor)
      const page = await listSessionTasks(services, actor, param('id'), { limit, after })
      return { ...page, next_cursor: encodeCursor('tree', page.next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    name: 'read_diff',
    scope: 'sessions:read',
    method: 'get',
    path: `${one}/diff`,
    summary: 'What it has changed so far, as a unified patch; `X-Truncated` says that 4 MB did not hold it',
    media: ['text/x-diff'],
    async run({ services, actor, param }) {
      const { patch, truncated_id } = await readDiff(services, actor, param('id'))
      const headers = new Headers({ 'content-type': 'text/x-diff' })
      if (truncated_id) {
        headers.set('x-truncated', 'true')
        headers.set('link', `</api/v1/artifacts/${truncated_id}>; rel="full"`)
      }
      return new Response(new Uint8Array(patch), { headers })
    },
  })
}
