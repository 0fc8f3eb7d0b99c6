import * as z from 'zod'
import { DeadLetter as DeadLetterView } from '#core/dead-letter/dead-letter'
import { answer } from '../document.ts'
import { cursor } from './parts.ts'

export const DeadLetter = answer('DeadLetter', DeadLetterView)

export const DeadLetterList = answer(
  'DeadLetterList',
  z.object({ items: z.array(DeadLetter), next_cursor: cursor }),
)
