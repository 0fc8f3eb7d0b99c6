import {
  ApiGatewayManagementApiClient,
  type ApiGatewayManagementApiClientConfig,
  DeleteConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi'
import type { Posted, Sockets } from '#core/live/viewer'
import type { Log } from '../log.ts'
import { type PostAnswer, signedPosts } from './signed-post.ts'

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

/** Posts frames to API Gateway's connections. Nothing throws: what went wrong is one of three answers. */
export function apiGatewaySockets(options: SocketsOptions): Sockets & { close_client(): void } {
  const { endpoint, log, deadline_ms = 2_000, pause_ms = 25 } = options
  const client = new ApiGatewayManagementApiClient({ endpoint, maxAttempts: 1, ...options.client })
  const posts = signedPosts(client, endpoint)

  async function post(connection_id: string, text: string): Promise<Posted> {
    const until = performance.now() + deadline_ms
    for (let tries = 1; ; tries++) {
      const left = until - performance.now()
      if (left <= 0) return 'late'
      const { status, error } = await posts.post(connection_id, text, left).catch(unanswered)
      if (status === 200) return 'sent'
      if (isGone(status, error)) return 'gone'
      const passes = status === 429 || status === 0 || status >= 500
      if (!passes) log.error('post_refused', { connection_id, status, bytes: Buffer.byteLength(text), error })
      if (!passes || tries === maxTries) return 'late'
      // Those that were throttled together do not come again together.
      await pause(Math.random() * Math.min(maxPauseMs, pause_ms * 2 ** (tries - 1)))
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
    close_client() {
      posts.close()
      client.destroy()
    },
  }
}

/** No answer, or none that is one: as a status that is none. */
const unanswered = (error: unknown): PostAnswer => ({ status: 0, error: String(error) })

/** API Gateway answers 400 for an id that it never gave out, as for one of another stage. */
function isGone(status: number, error = '') {
  return status === 410 || status === 404 || (status === 400 && error.startsWith('BadRequestException'))
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

function statusOf(error: unknown) {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined
  const { $metadata } = error
  if (typeof $metadata !== 'object' || $metadata === null || !('httpStatusCode' in $metadata))
    return undefined
  return typeof $metadata.httpStatusCode === 'number' ? $metadata.httpStatusCode : undefined
}
