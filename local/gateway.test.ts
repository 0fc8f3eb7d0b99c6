import { rmSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from './fixtures.ts'
import { signArtifact } from './gateway/signature.ts'
import { startGateway } from './gateway.ts'
import { makeFunction } from './invoke.ts'
import type { Service } from './services/service.ts'

const secret = 'a secret'
const folder = temporaryFolder()
let gateway: Service
let seen: APIGatewayProxyEventV2
let answer: () => unknown

beforeAll(async () => {
  const api = await makeFunction(
    'api',
    { handler: 'api', timeout_seconds: 0.2, memory_mb: 128 },
    'us-east-1',
    async () => ({
      handler: (event) => {
        seen = event as APIGatewayProxyEventV2
        return answer()
      },
    }),
  )
  const artifacts = { folder: folder.path, secret, maxBytes: 1_000 }
  gateway = await startGateway({ port: 0, invoke: api.invoke, artifacts, log: () => {}, graceMs: 1_000 })
})

afterAll(async () => {
  await gateway.stop()
  rmSync(folder.path, { recursive: true })
})

const call = (path: string, init?: RequestInit): Promise<Response> => fetch(`${gateway.url}${path}`, init)

const codeOf = async (response: Response): Promise<unknown> => {
  const problem: unknown = await response.json()
  return typeof problem === 'object' && problem !== null && 'code' in problem ? problem.code : problem
}

/** A request whose path and headers go out as they are written, which fetch would not do. */
const callRaw = (path: string, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve, reject) => {
    const url = new URL(gateway.url)
    request({ host: url.hostname, port: url.port, path, headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
      .once('error', reject)
      .end()
  })

describe('a request', () => {
  test('becomes a payload 2.0 event: repeated query joined, cookies apart, path decoded', async () => {
    answer = () => ({ statusCode: 200 })
    await call('/a%20b/c?x=1&x=2&y=%26', { headers: { cookie: 'one=1; two=2', 'X-Thing': 'v' } })
    expect(seen).toMatchObject({
      version: '2.0',
      routeKey: '$default',
      rawPath: '/a b/c',
      rawQueryString: 'x=1&x=2&y=%26',
      queryStringParameters: { x: '1,2', y: '&' },
      cookies: ['one=1', 'two=2'],
      headers: { 'x-thing': 'v' },
      requestContext: { http: { method: 'GET', path: '/a b/c', sourceIp: '127.0.0.1' }, stage: '$default' },
      isBase64Encoded: false,
    })
    expect(seen.headers.cookie).toBeUndefined()
    expect(seen.body).toBeUndefined()
    expect(seen.requestContext.time).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/)
  })

  test('carries text as it is and anything else in base64', async () => {
    answer = () => ({ statusCode: 200 })
    const json = { 'content-type': 'application/json' }
    await call('/', { method: 'POST', headers: json, body: '{"ä":1}' })
    expect([seen.body, seen.isBase64Encoded]).toEqual(['{"ä":1}', false])
    await call('/', { method: 'POST', body: new Uint8Array([0, 255]) })
    expect([seen.body, seen.isBase64Encoded]).toEqual(['AP8=', true])
    await call('/', { method: 'POST', headers: json, body: new Uint8Array([123, 255]) })
    expect(seen.isBase64Encoded).toBe(true)
  })

  test('over 10 MB is 413 and does not reach the function', async () => {
    answer = () => expect.fail('reached')
    const response = await call('/', { method: 'POST', body: new Uint8Array(10 * 1024 * 1024 + 1) })
    expect([response.status, await codeOf(response)]).toEqual([413, 'body_too_large'])
  })

  test('with a broken path is 400', async () => {
    expect(await callRaw('/%zz', {})).toBe(400)
  })

  test('of a foreign page or under a foreign name is refused', async () => {
    answer = () => expect.fail('reached')
    expect(await callRaw('/', { host: 'evil.example' })).toBe(403)
    expect(await callRaw('/', { origin: 'https://evil.example' })).toBe(403)
    answer = () => ({ statusCode: 200 })
    expect(await callRaw('/', { origin: 'http://localhost:5173' })).toBe(200)
  })
})

/** What comes back for bytes that no client of ours would send, until the gateway hangs up. */
const sendBytes = (bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.setTimeout(2_000, () => socket.destroy(new Error('The gateway keeps the connection open.')))
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.once('error', reject).once('close', () => resolve(text))
  })

describe('a request that two readers could read in two ways', () => {
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const post = (...headers: string[]) =>
    `POST /outer HTTP/1.1\r\nHost: localhost\r\n${headers.join('\r\n')}\r\n\r\n`
  test.each([
    [
      'both a length and chunks',
      `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n${smuggled}`,
    ],
    ['two lengths', post('Content-Length: 0', `Content-Length: ${smuggled.length}`) + smuggled],
    ['a length that is no number', post('Content-Length: +0') + smuggled],
    ['chunks under another name', `${post('Transfer-Encoding: xchunked')}0\r\n\r\n${smuggled}`],
    [
      'chunks that are not the last coding',
      `${post('Transfer-Encoding: chunked, identity')}0\r\n\r\n${smuggled}`,
    ],
    ['a folded header', `${post('X-One: a', ' Content-Length: 0', 'Content-Length: 3')}abc${smuggled}`],
    ['a space before the colon', post('Content-Length : 0') + smuggled],
    ['a bare line feed', `POST /outer HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n${smuggled}`],
    ['a chunk whose size is no number', `${post('Transfer-Encoding: chunked')}0x0\r\n\r\n${smuggled}`],
    ['more headers than fit', post(`X-Long: ${'a'.repeat(20_000)}`)],
  ])('is refused and ends the connection: %s', async (_, bytes) => {
    const reached: string[] = []
    answer = () => {
      reached.push(seen.rawPath)
      return { statusCode: 204 }
    }
    const text = await sendBytes(bytes)
    expect(text).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(text).not.toContain('204')
    expect(reached).not.toContain('/smuggled')
  })
})

describe('an answer', () => {
  test('keeps status, headers, cookies and binary bodies', async () => {
    answer = () => ({
      statusCode: 201,
      headers: { 'X-One': 'a' },
      cookies: ['a=1; Path=/', 'b=2'],
      body: 'AP8=',
      isBase64Encoded: true,
    })
    const response = await call('/')
    expect([response.status, response.headers.get('x-one')]).toEqual([201, 'a'])
    expect(response.headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2'])
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([0, 255])
  })

  test('without a statusCode is the body itself', async () => {
    answer = () => ({ hello: 'there' })
    const response = await call('/')
    expect([response.status, await response.json()]).toEqual([200, { hello: 'there' }])
  })

  test.each([
    ['a throw', () => Promise.reject(new Error('no')), 502, 'function_failed'],
    [
      'a body over 6 MB',
      () => ({ statusCode: 200, body: 'x'.repeat(6 * 1024 * 1024 + 1) }),
      502,
      'function_failed',
    ],
    ['a status that is none', () => ({ statusCode: 'soon' }), 502, 'function_failed'],
    [
      'a header that HTTP forbids',
      () => ({ statusCode: 200, headers: { a: 'b\nc' } }),
      502,
      'function_failed',
    ],
    ['nothing within the timeout', () => new Promise(() => {}), 504, 'function_timeout'],
  ])('%s is a problem that says so', async (_name, make, status, code) => {
    answer = make
    const response = await call('/')
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect([response.status, await codeOf(response)]).toEqual([status, code])
  })
})

describe('an artifact', () => {
  const inAnHour = Math.floor(Date.now() / 1000) + 3_600
  const address = (method: string, key: string, expires = inAnHour): string =>
    `/artifacts-store/${key}?expires=${expires}&signature=${signArtifact(secret, method, key, expires)}`

  test('is put and got by signed addresses', async () => {
    const put = await call(address('PUT', 'ten/run-1.bundle'), { method: 'PUT', body: 'bundle' })
    expect(put.status).toBe(200)
    expect(await (await call(address('GET', 'ten/run-1.bundle'))).text()).toBe('bundle')
  })

  test('that was never put is 404', async () => {
    expect((await call(address('GET', 'ten/none'))).status).toBe(404)
  })

  test('needs a signature for this method, this key and this time', async () => {
    expect((await call(address('GET', 'a'), { method: 'PUT', body: 'x' })).status).toBe(403)
    expect((await call(address('GET', 'a').replace('/a?', '/b?'))).status).toBe(403)
    expect((await call(address('GET', 'a', 1))).status).toBe(403)
    expect((await call('/artifacts-store/a')).status).toBe(403)
  })

  test('has a key that stays inside the folder', async () => {
    for (const key of ['..%2f..%2fetc%2fpasswd', '.part/x', 'a//b', 'a b']) {
      expect((await call(address('GET', key))).status).toBe(400)
    }
  })

  test('over the cap is 413 and leaves nothing', async () => {
    const put = await call(address('PUT', 'big'), { method: 'PUT', body: 'x'.repeat(1_001) })
    expect(put.status).toBe(413)
    expect((await call(address('GET', 'big'))).status).toBe(404)
  })
})

test('what is in flight at the end is answered', async () => {
  const artifacts = { folder: folder.path, secret, maxBytes: 1_000 }
  let release = (_value: unknown) => {}
  const held = new Promise((resolve) => {
    release = resolve
  })
  const arrived = new Promise<void>((resolve) => {
    answer = () => resolve()
  })
  const invoke = async () => {
    answer()
    return held
  }
  const other = await startGateway({ port: 0, invoke, artifacts, log: () => {}, graceMs: 5_000 })
  const response = fetch(other.url)
  await arrived
  const stopped = other.stop()
  release({ statusCode: 200, body: 'late but whole' })
  expect(await (await response).text()).toBe('late but whole')
  await stopped
})
