import { WebSocket } from 'ws'
import type { Socket } from '#core/live/client/inputs'

/** A peer that does not answer the goodbye is left after this, in ms. */
const goodbye = 1_000
/** What API Gateway lets through at most; frames of ours are far below. */
const maxPayload = 128 * 1024

class PromptSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer) {
    super.close(code, reason)
    if (this.readyState === WebSocket.CLOSING) setTimeout(() => this.terminate(), goodbye).unref()
  }
}

/** Opens a socket from Node; a browser has its own. */
export function connectSocket(url: string): Socket {
  return new PromptSocket(url, { maxPayload, perMessageDeflate: false })
}
