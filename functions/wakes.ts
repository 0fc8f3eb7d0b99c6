import type { LiveMessage, LiveWake } from '#core/live/channel'
import type { Wake, WakeMessage } from '#core/wake/wake'
import type { Log } from './log.ts'
import { sqsSender } from './queue.ts'

/** Sends wakes to the steps queue. Never throws: what is lost here is found by the sweep, because it is due in the row. */
export function sqsWakes(options: { queue_url: string; log: Log; request_id?: () => string | undefined }) {
  const { send, close } = sqsSender(options)
  return {
    send(wakes: Wake[]) {
      const request_id = options.request_id?.()
      return send(
        wakes.map(({ delay_seconds, ...wake }) => {
          const message: WakeMessage = request_id ? { ...wake, request_id } : wake
          return { body: JSON.stringify(message), group: wake.tenant_id, delay_seconds }
        }),
      )
    },
    close,
  }
}

/** Sends wakes to the broadcast queue. Never throws: what is lost here is found by the viewers' confirmations. */
export function liveWakes(options: { queue_url: string; log: Log }) {
  const { send, close } = sqsSender(options)
  return {
    send: (wakes: LiveWake[]) =>
      send(
        wakes.map(({ delay_seconds, kind, tenant_id, id, connection_id }) => {
          const message: LiveMessage = { kind, tenant_id, id, ...(connection_id ? { connection_id } : {}) }
          return { body: JSON.stringify(message), group: tenant_id, delay_seconds }
        }),
      ),
    close,
  }
}
