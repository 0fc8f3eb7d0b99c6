import type { LiveServices } from './services.ts'
import type { Viewer } from './viewer.ts'

/** Viewers whose key stands. Connections of a key that was revoked or has expired hear no more, and are closed. */
export async function admitted(services: LiveServices, tenant_id: string, viewers: Viewer[]) {
  const ids = new Set(viewers.flatMap(({ key_id }) => key_id ?? []))
  if (ids.size === 0) return viewers
  const ended = await services.ended(tenant_id, [...ids])
  if (ended.size === 0) return viewers
  const isOut = ({ key_id }: Viewer) => key_id !== null && ended.has(key_id)
  await Promise.all(viewers.filter(isOut).map(({ connection_id }) => services.sockets.close(connection_id)))
  return viewers.filter((viewer) => !isOut(viewer))
}
