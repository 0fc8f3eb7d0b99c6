import { lookup } from 'node:dns'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { addressFault, type Reach } from '#core/network/address'
import type { Posted } from '#core/webhook/backoff'
import type { Post } from '#core/webhook/deliver'
import { urlFault } from '#core/webhook/webhook'

/** How much of an answer is read, in bytes: nothing of it is kept. */
const readBytes = 64 * 1024

/**
 * Posts to a receiver within a deadline. A redirect is an answer, not a way. The addresses that a name leads to
 * are checked where the socket takes them, so that it connects to what was checked and to nothing else.
 */
export function poster({ reach, deadline_ms }: { reach: Reach; deadline_ms: number }): Post {
  return async (text, headers, body) => {
    const began = performance.now()
    const took = () => performance.now() - began
    // The rules may have changed since it was named.
    const fault = urlFault(text, reach)
    if (fault !== null) return { status: null, error: `The address ${fault}.`, latency_ms: took() }
    return new Promise<Posted>((resolve) => {
      const url = new URL(text)
      const send = url.protocol === 'https:' ? requestHttps : requestHttp
      const signal = AbortSignal.timeout(deadline_ms)
      const request = send(url, {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        lookup: lookupWithin(reach),
        agent: false,
        maxHeaderSize: 16 * 1024,
        signal,
      })
      const fail = (error: Error) => {
        const reason = signal.aborted ? `No answer within ${deadline_ms} ms.` : error.message
        resolve({ status: null, error: reason.slice(0, 500), latency_ms: took() })
      }
      request.on('error', fail)
      request.on('response', (response) => {
        const done = () => resolve({ status: response.statusCode ?? null, error: null, latency_ms: took() })
        let size = 0
        response.on('error', fail).on('end', done)
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size <= readBytes) return
          done()
          request.destroy()
        })
      })
      request.end(body)
    })
  }
}

/** What a name leads to, all of it, or an error when any of it may not be called. */
function lookupWithin(reach: Reach): LookupFunction {
  return (host, options, answer) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      const first = addresses?.[0]
      if (error || !first) return answer(error ?? new Error(`${host} has no address`), '', 0)
      for (const { address } of addresses) {
        const fault = addressFault(address, reach)
        if (fault !== null) return answer(new Error(`${host} ${fault}`), '', 0)
      }
      if (options.all) answer(null, addresses)
      else answer(null, first.address, first.family)
    })
  }
}
