import * as z from 'zod'
import { answer } from '../document.ts'
import { time } from './parts.ts'

export const SocketTicket = answer(
  'SocketTicket',
  z.object({ ticket: z.string(), url: z.string(), expires_at: time }),
)
