import * as z from 'zod'
import { readDiagnosis } from '#core/diagnosis/read'
import { priorities } from '#core/priority'
import { controlSession, deleteSession, patchSession, sendMessage } from '#core/session/control'
import { createSession } from '#core/session/create'
import { readDiff } from '#core/session/diff'
import { forkSession } from '#core/session/fork'
import { listSessions, readSession, type SessionView } from '#core/session/read'
import { Fork, NewSession, SessionPatch } from '#core/session/session'
import { sessionStates } from '#core/session/states'
import { listSessionTasks } from '#core/task/read'
import { commaList, decodeCursor, encodeCursor, listQuery } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { ifMatch } from '../if-match.ts'
import { Diagnosis, Message, NewMessage, Session, SessionList, TaskList } from '../schemas.ts'

const base = '/api/v1/sessions'
const one = `${base}/{id}`
const common = { ...nothing, tag: 'sessions', params: { id: 'session' } } as const
const etag = ({ version }: Pick<SessionView, 'version'>) => ({ etag: `"${version}"` })

const controls = {
  start: 'Start a session that is PENDING',
  pause: 'Pause it: its agents hand back their work, saved',
  resume: 'Let a paused session go on',
  stop: 'Stop it for good; only a retry goes on from there',
  retry: 'Retry a FAILED or STOPPED session: what is finished stays finished',
} as const

/** Sessions: make, list, read, change, control, steer. */
export function sessionRoutes(api: Api) {
  endpoint(api, {
    ...nothing,
    name: 'create_session',
    method: 'post',
    path: base,
    tag: 'sessions',
    summary: 'Create a session, and start it with `start: true`',
    body: NewSession,
    status: 201,
    answer: Session,
    headers: (session) => ({ ...etag(session), location: `${base}/${session.id}` }),
    run: ({ services, actor, body }) => createSession(services, actor, body),
  })
  endpoint(api, {
    ...nothing,
    name: 'list_sessions',
    method: 'get',
    path: base,
    tag: 'sessions',
    summary: 'List sessions, newest first',
    query: z.strictObject({
      state: commaList(sessionStates),
      priority: commaList(priorities),
      label: z.string().max(100).optional(),
      q: z.string().max(200).optional(),
      ...listQuery,
    }),
    answer: SessionList,
    async run({ services, actor, query }) {
      const { state, priority, label, q, limit, cursor } = query
      const before = decodeCursor('sessions', cursor)
      const filter = {
        states: state ?? null,
        priorities: priority ?? null,
        label: label ?? null,
        q: q ?? null,
      }
      const page = await listSessions(services, actor, { ...filter, limit, before })
      return { ...page, next_cursor: encodeCursor('sessions', page.next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    name: 'read_session',
    method: 'get',
    path: one,
    summary: 'Read a session',
    answer: Session,
    headers: etag,
    run: ({ services, actor, param }) => readSession(services, actor, param('id')),
  })
  endpoint(api, {
    ...common,
    name: 'diagnose_session',
    method: 'get',
    path: `${one}/diagnosis`,
    summary: 'What it waits for, down to the one task, agent, approval, quota or timer, and who can move it',
    answer: Diagnosis,
    run: ({ services, actor, param }) => readDiagnosis(services, actor, param('id')),
  })
  endpoint(api, {
    ...common,
    name: 'update_session',
    method: 'patch',
    path: one,
    summary: 'Change title, priority, labels or budget; `If-Match` takes the ETag of a read',
    body: SessionPatch,
    answer: Session,
    headers: etag,
    run: ({ services, actor, param, body, request }) =>
      patchSession(services, actor, param('id'), body, ifMatch(request)),
  })
  endpoint(api, {
    ...common,
    name: 'delete_session',
    method: 'delete',
    path: one,
    summary:
      'Delete a session that is PENDING or has ended, with all that hangs on it; not while it has forks',
    status: 204,
    run: ({ services, actor, param }) => deleteSession(services, actor, param('id')),
  })
  for (const action of ['start', 'pause', 'resume', 'stop', 'retry'] as const) {
    endpoint(api, {
      ...common,
      name: `${action}_session`,
      method: 'post',
      path: `${one}/${action}`,
      summary: controls[action],
      answer: Session,
      headers: etag,
      run: ({ services, actor, param }) => controlSession(services, actor, param('id'), action),
    })
  }
  endpoint(api, {
    ...common,
    name: 'fork_session',
    method: 'post',
    path: `${one}/fork`,
    summary: 'Make a session that goes on from a checkpoint of this one, which is not touched',
    body: Fork,
    status: 201,
    answer: Session,
    headers: (session) => ({ ...etag(session), location: `${base}/${session.id}` }),
    run: ({ services, actor, param, body }) => forkSession(services, actor, param('id'), body),
  })
  endpoint(api, {
    ...common,
    name: 'send_message',
    method: 'post',
    path: `${one}/messages`,
    summary: 'Say something to the agents that work on it',
    body: NewMessage,
    status: 201,
    answer: Message,
    run: ({ services, actor, param, body }) => sendMessage(services, actor, param('id'), body.text),
  })
  endpoint(api, {
    ...common,
    name: 'list_session_tasks',
    method: 'get',
    path: `${one}/tasks`,
    tag: 'tasks',
    summary: 'The tree of its tasks, depth first; `parent_id` names the parent',
    query: z.strictObject({ ...listQuery, limit: z.coerce.number().int().min(1).max(1_000).default(1_000) }),
    answer: TaskList,
    async run({ services, actor, param, query: { limit, cursor } }) {
      const after = decodeCursor('tree', cursor)
      const page = await listSessionTasks(services, actor, param('id'), { limit, after })
      return { ...page, next_cursor: encodeCursor('tree', page.next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    name: 'read_diff',
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
