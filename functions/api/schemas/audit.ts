import * as z from 'zod'
import { AuditEntry } from '#core/audit/entry'
import { answer } from '../document.ts'
import { cursor } from './parts.ts'

export const AuditList = answer(
  'AuditList',
  z.object({ items: z.array(answer('AuditEntry', AuditEntry)), next_cursor: cursor }),
)
