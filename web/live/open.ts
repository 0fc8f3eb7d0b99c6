import type { Live } from './live.ts'
import { openSocket } from './socket.ts'

let opened: Live | undefined

/** The page's one live connection. */
export function live(): Live {
  opened ??= openSocket()
  return opened
}
