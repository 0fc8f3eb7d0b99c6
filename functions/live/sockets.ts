import {
  ApiGatewayManagementApiClient,
  type ApiGatewayManagementApiClientConfig,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi'
import type { Posted, Sockets } from '#core/live/viewer'
import type { Log } from '../log.ts'

export type SocketsOptions = {
  /** The management endpoint of the WebSocket API. */
  endpoint: string
  log: Log
  /** For one post with all its tries, in ms. */
  deadline_ms?: number
  /** The first pause after a 429, in ms; doubles with each, and chance takes up to the whole of it. */
  pause_ms?: number
  client?: ApiGatewayManagementApiClientConfig
}

/** Tries of one post, as long as its deadline is not over. */
const maxTries = 5
const maxPauseMs = 400
/** As many as one broadcast posts at once, and some replays. */
const maxSockets = 128

/** Posts frames with API Gateway's own client. Nothing throws: what went wrong is one of three answers. */
export function apiGatewaySockets(options: SocketsOptions): Sockets & { close_client(): void } {
  const { endpoint, log, deadline_ms = 2_000, pause_ms = 25 } = options
  const client = new ApiGatewayManagementApiClient({
    endpoint,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 1_000, httpAgent: { maxSockets }, httpsAgent: { maxSockets } },
    ...options.client,
  })

  async function post(connection_id: string, text: string): Promise<Posted> {
    const command = new PostToConnectionCommand({ ConnectionId: connection_id, Data: Buffer.from(text) })
    const abortSignal = AbortSignal.timeout(deadline_ms)
    for (let tries = 1; ; tries++) {
      try {
        await client.send(command, { abortSignal })
        return 'sent'
      } catch (error) {
        const status = statusOf(error)
        if (status === 410 || status === 404 || isMalformedId(error)) return 'gone'
        const passes = status === 429 || status === undefined || status >= 500
        if (!passes || tries === maxTries || abortSignal.aborted) {
          if (!passes) log.error('post_refused', { connection_id, status, bytes: text.length, error })
          return 'late'
        }
        await jitter(Math.min(maxPauseMs, pause_ms * 2 ** (tries - 1)), abortSignal)
      }
    }
  }

  return {
    post,
    async close(connection_id) {
      const command = new DeleteConnectionCommand({ ConnectionId: connection_id })
      await client
        .send(command, { abortSignal: AbortSignal.timeout(deadline_ms) })
        .catch((error: unknown) => {
          if (statusOf(error) !== 410) log.warn('post_refused', { connection_id, reason: String(error) })
        })
    },
    close_client: () => client.destroy(),
  }
}

/** Those that were throttled together do not come again together. Ends with the deadline. */
function jitter(most_ms: number, signal: AbortSignal) {
  return new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.random() * most_ms)
    signal.addEventListener('abort', done)
  })
}

function statusOf(error: unknown) {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined
  const { $metadata } = error
  if (typeof $metadata !== 'object' || $metadata === null || !('httpStatusCode' in $metadata))
    return undefined
  return typeof $metadata.httpStatusCode === 'number' ? $metadata.httpStatusCode : undefined
}

/** API Gateway answers 400 for an id that it never gave out, as for one of another stage. */
function isMalformedId(error: unknown) {
  return statusOf(error) === 400 && error instanceof Error && error.name === 'BadRequestException'
}
