import * as z from 'zod'
import { listDeadLetters } from '#core/dead-letter/list'
import { redriveDeadLetter } from '#core/dead-letter/redrive'
import { decodeCursor, encodeCursor, listQuery } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { DeadLetter, DeadLetterList } from '../schemas/dead-letter.ts'

const base = '/api/v1/dead-letters'
const common = { ...nothing, scope: 'admin', tag: 'admin' } as const

/** Wakes that were given up: what they were, and once more. */
export function deadLetterRoutes(api: Api) {
  endpoint(api, {
    ...common,
    name: 'list_dead_letters',
    method: 'get',
    path: base,
    summary: 'List the wakes of the tenant that were given up, newest first, as far as the queues show them',
    query: z.strictObject(listQuery),
    answer: DeadLetterList,
    async run({ services, actor, query: { limit, cursor } }) {
      const before = decodeCursor('dead-letters', cursor)
      const page = await listDeadLetters(services, actor, { limit, before })
      return { ...page, next_cursor: encodeCursor('dead-letters', page.next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    name: 'redrive_dead_letter',
    method: 'post',
    path: `${base}/{id}/redrive`,
    params: { id: 'word' },
    summary: 'Send one again to the queue that it came from',
    status: 202,
    answer: DeadLetter,
    audit: { resource: ({ param }) => ({ kind: 'dead_letter', id: param('id') }) },
    run: ({ services, actor, param }) => redriveDeadLetter(services, actor, param('id')),
  })
}
