import * as z from 'zod'
import { listAudit } from '#core/audit/list'
import { decodeCursor, encodeCursor, listQuery } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { AuditList } from '../schemas/audit.ts'

const wanted = 'must be a time such as 2024-02-03T12:00:00Z'
const time = z.iso
  .datetime({ offset: true, message: wanted })
  .refine((text) => Date.parse(text) >= 0, wanted)
  .optional()

/** Who changed what, when, and from where. */
export function auditRoutes(api: Api) {
  endpoint(api, {
    ...nothing,
    scope: 'admin',
    name: 'list_audit',
    method: 'get',
    path: '/api/v1/audit',
    tag: 'admin',
    summary: 'List what was changed, newest first: who, what, on what, from where',
    query: z.strictObject({
      actor: z.string().max(128).optional(),
      action: z.string().max(64).optional(),
      resource: z.string().max(300).optional(),
      since: time,
      until: time,
      ...listQuery,
    }),
    answer: AuditList,
    async run({ services, actor, query }) {
      const { actor: by = null, action = null, resource = null, since = null, until = null, limit } = query
      const before = decodeCursor('audit', query.cursor)
      const filter = { actor: by, action, resource, since, until, limit, before }
      const page = await listAudit(services, actor, filter)
      return { ...page, next_cursor: encodeCursor('audit', page.next_cursor) }
    },
  })
}
