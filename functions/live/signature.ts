import { createHash, createHmac } from 'node:crypto'
import type { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi'

const service = 'execute-api'
const algorithm = 'AWS4-HMAC-SHA256'

type Key = { bytes: Buffer; scope: string }

/**
 * Signature Version 4 of posts without a query: the headers to send, for a path that is encoded already. With what
 * the AWS client has resolved, whose own signer takes three times as long for each: the key, which holds for a day
 * and one set of credentials, is derived once here (docs/adr/0020).
 */
export function postSigner({
  credentials,
  region,
}: Pick<ApiGatewayManagementApiClient['config'], 'credentials' | 'region'>) {
  let last: { day: string; secret: string; key: Key } | undefined

  async function keyOf(day: string, secret: string) {
    if (last?.day !== day || last.secret !== secret)
      last = { day, secret, key: deriveKey(secret, day, await region()) }
    return last.key
  }

  return async (host: string, path: string, payload: string) => {
    const { accessKeyId, secretAccessKey, sessionToken } = await credentials()
    const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
    const { bytes, scope } = await keyOf(date.slice(0, 8), secretAccessKey)
    const headers = {
      host,
      'x-amz-content-sha256': payload,
      'x-amz-date': date,
      ...(sessionToken ? { 'x-amz-security-token': sessionToken } : {}),
    }
    const names = Object.keys(headers).join(';')
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
    const twice = path.split('/').map(encodeURIComponent).join('/')
    const request = sha256(`POST\n${twice}\n\n${lines.join('')}\n${names}\n${payload}`)
    const signature = hmac(bytes, `${algorithm}\n${date}\n${scope}\n${request}`).toString('hex')
    const credential = `${accessKeyId}/${scope}`
    return {
      ...headers,
      authorization: `${algorithm} Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
    }
  }
}

function deriveKey(secret: string, day: string, region: string): Key {
  const parts = [day, region, service, 'aws4_request']
  return { bytes: parts.reduce(hmac, Buffer.from(`AWS4${secret}`)), scope: parts.join('/') }
}

export const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()
