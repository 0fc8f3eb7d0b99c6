import * as z from 'zod'
import { askCheckpoint } from '#core/checkpoint/manual'
import { listCheckpoints, readCheckpoint } from '#core/checkpoint/read'
import { decodeCursor, encodeCursor, listQuery } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { CheckpointAsked, CheckpointList, WholeCheckpoint } from '../schemas/checkpoint.ts'

const base = '/api/v1/sessions/{id}/checkpoints'
const common = { ...nothing, tag: 'checkpoints', path: base, params: { id: 'session' } } as const

/** Checkpoints of a session: list, ask for one, read one whole. */
export function checkpointRoutes(api: Api) {
  endpoint(api, {
    ...common,
    name: 'list_checkpoints',
    scope: 'sessions:read',
    method: 'get',
    summary: 'List checkpoints, newest first',
    query: z.strictObject(listQuery),
    answer: CheckpointList,
    async run({ services, actor, param, query: { limit, cursor } }) {
      const last = decodeCursor('checkpoints', cursor)
      const before = last === null ? null : Number(last)
      const page = await listCheckpoints(services, actor, param('id'), { limit, before })
      return { ...page, next_cursor: encodeCursor('checkpoints', page.next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    name: 'ask_checkpoint',
    scope: 'sessions:write',
    method: 'post',
    summary: 'Ask the agents that work on it for a checkpoint now',
    status: 202,
    answer: CheckpointAsked,
    run: ({ services, actor, param }) => askCheckpoint(services, actor, param('id')),
  })
  endpoint(api, {
    ...common,
    name: 'read_checkpoint',
    scope: 'sessions:read',
    method: 'get',
    path: `${base}/{number}`,
    summary: 'Read a checkpoint whole: how the session and its tasks stood',
    params: { id: 'session', number: 'number' },
    answer: WholeCheckpoint,
    run: ({ services, actor, param }) =>
      readCheckpoint(services, actor, param('id'), Number(param('number'))),
  })
}
