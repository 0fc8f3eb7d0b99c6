import { type ErrorCode, OrchestratorError } from '#core/error'
import type { LiveServices } from './services.ts'
import { subscribe, unsubscribe } from './subscribe.ts'

/** What clients send is a line; API Gateway would take 32 KB of it. In bytes. */
const maxBytes = 4_096

type ClientMessage =
  | { action: 'subscribe'; channel: string; after: number }
  | { action: 'unsubscribe'; channel: string }
  | { action: 'ping' }

/** All that a client can ask for. */
export const actions = ['subscribe', 'unsubscribe', 'ping'] as const

/** The fields of each action, with whether they must be there. */
const fields = {
  subscribe: { channel: true, after: false },
  unsubscribe: { channel: true },
  ping: {},
} as const satisfies Record<ClientMessage['action'] | (typeof actions)[number], Record<string, boolean>>

/**
 * Reads a client's frame. By hand, since it is three shapes and every message of every viewer comes through here.
 * @throws invalid_input that names the field and what it must be
 */
export function readMessage(text: string): ClientMessage {
  if (Buffer.byteLength(text) > maxBytes) throw invalid('', `must be at most ${maxBytes} bytes`)
  const given = parse(text)
  const { action } = given
  if (action !== 'subscribe' && action !== 'unsubscribe' && action !== 'ping')
    throw invalid('/action', 'must be subscribe, unsubscribe or ping')
  const known: Record<string, boolean> = fields[action]
  for (const name of Object.keys(given))
    if (name !== 'action' && !(name in known))
      throw invalid(`/${name.slice(0, 100)}`, `is no field of ${action}`)
  if (action === 'ping') return { action }
  const { channel, after = 0 } = given
  if (typeof channel !== 'string' || channel === '' || channel.length > 100)
    throw invalid('/channel', 'must be session:<id>, agent:<id> or fleet')
  if (action === 'unsubscribe') return { action, channel }
  if (typeof after !== 'number' || !Number.isInteger(after) || after < 0 || after > 1e15)
    throw invalid('/after', 'must be a whole number, 0 or more: the last seq that you have')
  return { action, channel, after }
}

function parse(text: string): Record<string, unknown> {
  try {
    const given: unknown = JSON.parse(text)
    if (typeof given === 'object' && given !== null && !Array.isArray(given)) return { ...given }
  } catch {
    // Said below, as for any other text that is no object.
  }
  throw invalid('', 'must be a JSON object with an action')
}

function invalid(pointer: string, message: string) {
  const field = pointer === '' ? 'The frame' : `The frame's ${pointer.slice(1)}`
  return new OrchestratorError('invalid_input', `${field} ${message}.`, { errors: [{ pointer, message }] })
}

/** Does what a client's frame asks for. What is refused is answered by a frame, with the code and the remedy. */
export async function receive(services: LiveServices, connection_id: string, text: string) {
  let channel: string | undefined
  try {
    const message = readMessage(text)
    if (message.action === 'ping') {
      await services.sockets.post(connection_id, '{"type":"pong"}')
      return
    }
    channel = message.channel
    if (message.action === 'subscribe') await subscribe(services, connection_id, message)
    else await unsubscribe(services, connection_id, channel)
  } catch (error) {
    const refused = refusal(error)
    await services.sockets.post(connection_id, JSON.stringify({ ...refused, channel }))
    if (refused.code === 'unauthorized') await services.sockets.close(connection_id)
    if (!(error instanceof OrchestratorError) || error.code === 'internal') throw error
  }
}

function refusal(error: unknown) {
  const known = error instanceof OrchestratorError
  const code: ErrorCode = known ? error.code : 'internal'
  const message = known && code !== 'internal' ? error.message : 'This failed; the log has the reason.'
  const errors = known && error.errors.length > 0 ? { errors: error.errors } : {}
  return { type: 'error', code, message, retryable: known ? error.retryable : true, ...errors }
}
