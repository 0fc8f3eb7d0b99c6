import { Agent, request as overHttp } from 'node:http'
import { request as overTls, Agent as TlsAgent } from 'node:https'
import type { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi'
import { postSigner, sha256 } from './signature.ts'

/** As many as one broadcast posts at once, and some replays. */
const maxSockets = 128

/** What an AWS service answered a post: its status, and the name of the failure. */
export type PostAnswer = { status: number; error: string | undefined }

/**
 * `POST @connections/{id}`, signed with the AWS client's credentials, but without the twenty middlewares that
 * it runs for each command: they cost five times what the request itself does, for every frame of every viewer
 * (docs/adr/0020). Tries and their pauses are the caller's.
 */
export function signedPosts(client: ApiGatewayManagementApiClient, endpoint: string) {
  const sign = postSigner(client.config)
  const { protocol, hostname, port, host, pathname } = new URL(endpoint)
  const isTls = protocol === 'https:'
  const options = { keepAlive: true, maxSockets }
  const agent = isTls ? new TlsAgent(options) : new Agent(options)
  const open = isTls ? overTls : overHttp
  const base = pathname.replace(/\/$/, '')

  /** A frame goes to one viewer after the other: its bytes are made and hashed once. */
  let last = payloadOf('')
  function payload(text: string) {
    if (text !== last.text) last = payloadOf(text)
    return last
  }

  /** @throws what went wrong on the way, or that nobody answered within `ms` */
  async function post(connection_id: string, text: string, ms: number) {
    const { body, hash } = payload(text)
    const path = `${base}/@connections/${encodeURIComponent(connection_id)}`
    const headers = { ...(await sign(host, path, hash)), 'content-length': body.length }
    return new Promise<PostAnswer>((resolve, reject) => {
      const sent = open({ agent, hostname, port, method: 'POST', path, headers }, (response) => {
        const name = response.headers['x-amzn-errortype']
        const error = typeof name === 'string' ? name : undefined
        response.on('end', () => {
          clearTimeout(deadline)
          resolve({ status: response.statusCode ?? 0, error })
        })
        response.on('error', failed)
        response.resume()
      })
      const failed = (error: Error) => {
        clearTimeout(deadline)
        reject(error)
      }
      const deadline = setTimeout(() => sent.destroy(new Error(`no answer within ${ms} ms`)), ms)
      sent.on('error', failed)
      sent.end(body)
    })
  }

  return { post, close: () => agent.destroy() }
}

function payloadOf(text: string) {
  const body = Buffer.from(text)
  return { text, body, hash: sha256(body) }
}
