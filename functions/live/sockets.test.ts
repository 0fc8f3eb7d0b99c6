import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GoneException,
} from '@aws-sdk/client-apigatewaymanagementapi'
import { mockClient } from 'aws-sdk-client-mock'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { apiGatewaySockets } from './sockets.ts'

type Post = { path: string; headers: IncomingMessage['headers']; body: string }
type Answer = (response: ServerResponse) => void

/** The management endpoint: hears posts, and answers what the test says, the last answer again and again. */
const heard: Post[] = []
let answers: Answer[] = []
const server = createServer(async (request, response) => {
  let body = ''
  for await (const part of request) body += part
  heard.push({ path: request.url ?? '', headers: request.headers, body })
  const answer = answers.length > 1 ? answers.shift() : answers[0]
  if (answer) answer(response)
  else response.end()
})
const says =
  (status: number, name = ''): Answer =>
  (response) => {
    response.writeHead(status, name ? { 'x-amzn-errortype': name } : {})
    response.end('{"message":"no"}')
  }

const lines: string[] = []
const line = (event: string) => lines.push(event)
const log = { debug: line, info: line, warn: line, error: line }
const client = {
  region: 'eu-west-1',
  credentials: { accessKeyId: 'key', secretAccessKey: 'secret', sessionToken: 'token' },
}
let sockets: ReturnType<typeof apiGatewaySockets>
const open = (deadline_ms: number) =>
  apiGatewaySockets({ endpoint: `http://127.0.0.1:${port}/stage`, log, deadline_ms, pause_ms: 1, client })
let port: number
beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  port = typeof address === 'object' && address ? address.port : 0
  sockets = open(2_000)
})
afterEach(() => {
  heard.length = 0
  answers = []
  lines.length = 0
})
afterAll(() => {
  sockets.close_client()
  server.closeAllConnections()
  server.close()
})

/** The signature of a post as AWS documents it (Signature Version 4), from what came over the wire. */
function signatureOf({ path, headers, body }: Post) {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const [, scope = '', names = ''] =
    /Credential=key\/(\S+), SignedHeaders=(\S+),/.exec(headers.authorization ?? '') ?? []
  const signed = names.split(';').map((name) => `${name}:${headers[name]}\n`)
  const uri = path.split('/').map(encodeURIComponent).join('/')
  const canonical = ['POST', uri, '', signed.join(''), names, hash(body)].join('\n')
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, hash(canonical)].join('\n')
  const key = scope.split('/').reduce<string | Buffer>((before, part) => mac(before, part), 'AWS4secret')
  return mac(key, text).toString('hex')
}

describe('a post', () => {
  test('carries the text as it is, to the connection of the stage', async () => {
    expect(await sockets.post('a+b/c=', '{"ä":1}')).toBe('sent')
    expect(heard).toMatchObject([{ path: '/stage/@connections/a%2Bb%2Fc%3D', body: '{"ä":1}' }])
  })

  test('is signed with the credentials of the moment', async () => {
    await sockets.post('a+b/c=', '{"ä":1}')
    const [post] = heard
    if (!post) throw new Error('nothing came')
    expect(post.headers['x-amz-security-token']).toBe('token')
    expect(post.headers.authorization).toContain('/eu-west-1/execute-api/aws4_request')
    expect(post.headers.authorization).toContain(`Signature=${signatureOf(post)}`)
  })

  test('keeps its socket for the next', async () => {
    const ports = new Set<number | undefined>()
    const note = (request: IncomingMessage) => ports.add(request.socket.remotePort)
    server.on('request', note)
    for (let n = 0; n < 5; n++) await sockets.post('a=', 'x')
    server.off('request', note)
    expect(ports.size).toBe(1)
  })

  test.each([says(410, 'GoneException'), says(404), says(400, 'BadRequestException:')])(
    'to a connection that there is not says gone, and is not tried again',
    async (answer) => {
      answers = [answer]
      expect(await sockets.post('a=', 'x')).toBe('gone')
      expect(heard).toHaveLength(1)
    },
  )

  test('that is throttled is tried again until it is sent', async () => {
    answers = [says(429), says(429), says(200)]
    expect(await sockets.post('a=', 'x')).toBe('sent')
    expect(heard).toHaveLength(3)
  })

  test('that stays throttled gives up after five tries', async () => {
    answers = [says(429)]
    expect(await sockets.post('a=', 'x')).toBe('late')
    expect(heard).toHaveLength(5)
  })

  test('that is too large is not tried again, and the log says so', async () => {
    answers = [says(413, 'PayloadTooLargeException')]
    expect(await sockets.post('a=', 'x')).toBe('late')
    expect(heard).toHaveLength(1)
    expect(lines).toEqual(['post_refused'])
  })

  test('that failed on the way is tried again', async () => {
    answers = [(response) => response.destroy(), says(500), says(200)]
    expect(await sockets.post('a=', 'x')).toBe('sent')
    expect(heard).toHaveLength(3)
  })

  test('that nobody answers ends at its deadline', async () => {
    answers = [() => {}]
    const slow = open(80)
    expect(await slow.post('a=', 'x')).toBe('late')
    slow.close_client()
  })
})

test('an end of a connection that is gone already is no failure', async () => {
  const mock = mockClient(ApiGatewayManagementApiClient)
  mock
    .on(DeleteConnectionCommand)
    .rejects(new GoneException({ message: 'no', $metadata: { httpStatusCode: 410 } }))
  await sockets.close('a=')
  expect(lines).toEqual([])
  mock.restore()
})
