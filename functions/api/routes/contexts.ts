import * as z from 'zod'
import type { Quoted } from '#core/context/access'
import { ContextKey, ContextPut, keyOf, placeOf } from '#core/context/entry'
import { readHistory } from '#core/context/history'
import { listEntries } from '#core/context/list'
import { patchEntry } from '#core/context/patch'
import { putEntry } from '#core/context/put'
import { readEntry } from '#core/context/read'
import { removeEntry } from '#core/context/remove'
import { idOf } from '#core/id'
import { decodeCursor, encodeCursor, listQuery } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { ifMatch } from '../etag.ts'
import { invalid } from '../issues.ts'
import { ContextEntry, ContextHistory, ContextList, ContextPatch } from '../schemas/context.ts'

const maxVersion = 2_147_483_647
const all = '/api/v1/contexts/{scope}/{id}'
const one = `${all}/{key}`
const common = {
  ...nothing,
  agents: true,
  tag: 'contexts',
  path: one,
  params: { scope: 'word', id: 'word', key: 'word' },
} as const

/** Whether what a narrower scope has not is looked for in the wider ones. */
const resolve = z
  .enum(['true', 'false'])
  .default('true')
  .transform((text) => text === 'true')

/** The attempt that an agent acts for: with it, a stale one writes nothing. */
const Fence = z.strictObject({
  task_id: idOf('task').optional(),
  attempt: z.coerce.number().int().min(1).max(maxVersion).optional(),
})

/** Memory that agents share: list, read, write, patch, delete, history. The version is the ETag. */
export function contextRoutes(api: Api) {
  endpoint(api, {
    ...common,
    name: 'list_context',
    scope: 'contexts:read',
    method: 'get',
    path: all,
    params: { scope: 'word', id: 'word' },
    summary: 'List entries by key; a task sees its session’s and the GLOBAL ones too, unless `resolve=false`',
    query: z.strictObject({ resolve, prefix: ContextKey.optional(), ...listQuery }),
    answer: ContextList,
    async run({ services, actor, param, query: { prefix, limit, cursor, ...query } }) {
      const after = decodeCursor('contexts', cursor)
      const filter = { ...query, prefix: prefix ?? null, limit, after }
      const page = await listEntries(services, actor, placeOf(param('scope'), param('id')), filter)
      return { ...page, next_cursor: encodeCursor('contexts', page.next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    name: 'read_context',
    scope: 'contexts:read',
    method: 'get',
    summary:
      'Read an entry: the nearest of TASK, SESSION, GLOBAL; an ETag says that it is of the scope asked',
    query: z.strictObject({ resolve }),
    answer: ContextEntry,
    async run({ services, actor, param, query }) {
      const { place, key } = entryIn(param)
      const entry = await readEntry(services, actor, place, key, query.resolve)
      // The version of another scope's entry must not be taken for one of this scope.
      const tag = entry.scope === place.scope ? { etag: `"${entry.version}"` } : {}
      return Response.json(entry, { headers: tag })
    },
  })
  endpoint(api, {
    ...common,
    name: 'read_context_history',
    scope: 'contexts:read',
    method: 'get',
    path: `${one}/history`,
    summary: 'Every version of an entry, newest first, with what its write disagreed about',
    query: z.strictObject(listQuery),
    answer: ContextHistory,
    async run({ services, actor, param, query: { limit, cursor } }) {
      const { place, key } = entryIn(param)
      const last = decodeCursor('history', cursor)
      const before = last === null ? null : Math.min(Number(last) || 0, maxVersion)
      const page = await readHistory(services, actor, place, key, { limit, before })
      return { ...page, next_cursor: encodeCursor('history', page.next_cursor) }
    },
  })
  writeRoutes(api)
}

const etag = ({ version }: { version: number }) => ({ etag: `"${version}"` })

/** An entry has its place for a name; what it holds is told nowhere else. */
const audit = {
  resource: ({ param }: { param: (name: 'scope' | 'id' | 'key') => string }) => ({
    kind: 'context',
    id: `${param('scope')}/${param('id')}/${param('key')}`,
  }),
  size_only: true,
} as const

function writeRoutes(api: Api) {
  endpoint(api, {
    ...common,
    name: 'put_context',
    scope: 'contexts:write',
    method: 'put',
    audit,
    summary:
      'Write an entry based on the version in `If-Match` (none: a new one); a write that is behind is merged',
    query: Fence,
    body: ContextPut,
    answer: ContextEntry,
    headers: etag,
    run({ services, actor, param, query, body, request }) {
      const based_on = request.headers.has('if-match') ? basedOn(request) : 0
      const target = { ...entryIn(param), based_on, quoted: quotedIn(query) }
      return putEntry(services, actor, target, body)
    },
  })
  endpoint(api, {
    ...common,
    name: 'patch_context',
    scope: 'contexts:write',
    method: 'patch',
    audit,
    summary:
      'Apply a JSON merge patch (RFC 7396) to the version in `If-Match` (none: the present one), and merge',
    query: Fence,
    body: ContextPatch,
    answer: ContextEntry,
    headers: etag,
    run({ services, actor, param, query, body, request }) {
      const target = { ...entryIn(param), based_on: basedOn(request), quoted: quotedIn(query) }
      return patchEntry(services, actor, target, body)
    },
  })
  endpoint(api, {
    ...common,
    name: 'delete_context',
    scope: 'contexts:write',
    method: 'delete',
    if_match: true,
    audit,
    summary: 'Delete an entry based on the version in `If-Match` (none: the present one); its history stays',
    query: Fence,
    status: 204,
    run({ services, actor, param, query, request }) {
      const target = { ...entryIn(param), based_on: basedOn(request), quoted: quotedIn(query) }
      return removeEntry(services, actor, target)
    },
  })
}

function entryIn(param: (name: 'scope' | 'id' | 'key') => string) {
  return { place: placeOf(param('scope'), param('id')), key: keyOf(param('key')) }
}

/** @throws invalid_input for a version that no entry can have */
function basedOn(request: Request) {
  const version = ifMatch(request)
  if (version === null || version <= maxVersion) return version
  throw invalid('If-Match', [{ pointer: '', message: 'must be the ETag of a read, such as "3"' }])
}

/** @throws invalid_input when only one of the two is there */
function quotedIn({ task_id, attempt }: z.infer<typeof Fence>): Quoted | null {
  if (task_id === undefined && attempt === undefined) return null
  if (task_id !== undefined && attempt !== undefined) return { task_id, attempt }
  const pointer = task_id === undefined ? '/task_id' : '/attempt'
  throw invalid('query', [
    { pointer, message: 'is required where the other of task_id and attempt is given' },
  ])
}
