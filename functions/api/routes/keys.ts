import * as z from 'zod'
import { createKey } from '#core/key/create'
import { NewKey } from '#core/key/key'
import { listKeys, readKey } from '#core/key/read'
import { revokeKey } from '#core/key/revoke'
import { decodeCursor, encodeCursor, listQuery } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { Key, KeyList, KeyMade } from '../schemas/key.ts'

const base = '/api/v1/keys'
const common = {
  ...nothing,
  scope: 'admin',
  tag: 'keys',
  path: `${base}/{id}`,
  params: { id: 'key' },
} as const

/** Keys: make, list, read, revoke. */
export function keyRoutes(api: Api) {
  endpoint(api, {
    ...common,
    // A key is told once and kept nowhere: no answer of this is stored.
    idempotent: false,
    name: 'create_key',
    method: 'post',
    path: base,
    params: {},
    summary: 'Make a key; its token is told once',
    body: NewKey,
    status: 201,
    answer: KeyMade,
    headers: ({ key }) => ({ location: `${base}/${key.id}`, 'cache-control': 'no-store' }),
    audit: { resource: (_call, { key }) => ({ kind: 'key', id: key.id }) },
    run: ({ services, actor, body }) => createKey(services, actor, body),
  })
  endpoint(api, {
    ...common,
    name: 'list_keys',
    method: 'get',
    path: base,
    params: {},
    summary: 'List keys, newest first, those that were revoked or expired among them',
    query: z.strictObject(listQuery),
    answer: KeyList,
    async run({ services, actor, query: { limit, cursor } }) {
      const before = decodeCursor('keys', cursor)
      const page = await listKeys(services, actor, { limit, before })
      return { ...page, next_cursor: encodeCursor('keys', page.next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    name: 'read_key',
    method: 'get',
    summary: 'Read a key: never its token, which nobody knows',
    answer: Key,
    run: ({ services, actor, param }) => readKey(services, actor, param('id')),
  })
  endpoint(api, {
    ...common,
    name: 'revoke_key',
    method: 'delete',
    summary: 'Revoke a key: within 5 seconds it opens nothing, within a minute its sockets are closed',
    status: 204,
    run: ({ services, actor, param }) => revokeKey(services, actor, param('id')),
  })
}
