import * as z from 'zod'
import { idOf } from '#core/id'

/** A message on the steps queue: "look at session S" or "look at tenant T". Nothing more. */
export const WakeMessage = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('session'),
    tenant_id: idOf('tenant'),
    session_id: idOf('session'),
    request_id: z.string().optional(),
  }),
  z.object({ kind: z.literal('tenant'), tenant_id: idOf('tenant'), request_id: z.string().optional() }),
])
export type WakeMessage = z.infer<typeof WakeMessage>

/** A wake, now or after a delay (delay.ts). */
export type Wake = WakeMessage & { delay_seconds?: number }
