import { createServer } from 'node:http'
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GoneException,
  LimitExceededException,
  PayloadTooLargeException,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi'
import { mockClient } from 'aws-sdk-client-mock'
import { afterEach, describe, expect, test } from 'vitest'
import { apiGatewaySockets } from './sockets.ts'

const mock = mockClient(ApiGatewayManagementApiClient)
const lines: string[] = []
const line = (event: string) => lines.push(event)
const log = { debug: line, info: line, warn: line, error: line }
const client = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
}
const sockets = apiGatewaySockets({
  endpoint: 'http://localhost:1',
  log,
  deadline_ms: 300,
  pause_ms: 1,
  client,
})

afterEach(() => {
  mock.reset()
  lines.length = 0
})

const failure = (httpStatusCode: number) => ({ message: 'no', $metadata: { httpStatusCode } })
const posts = () => mock.commandCalls(PostToConnectionCommand).length

describe('a post', () => {
  test('carries the text as it is', async () => {
    mock.on(PostToConnectionCommand).resolves({})
    expect(await sockets.post('a=', '{"ä":1}')).toBe('sent')
    const [call] = mock.commandCalls(PostToConnectionCommand)
    expect(call?.args[0].input).toEqual({ ConnectionId: 'a=', Data: Buffer.from('{"ä":1}') })
  })

  test('that is answered 410 says gone, and is not tried again', async () => {
    mock.on(PostToConnectionCommand).rejects(new GoneException(failure(410)))
    expect(await sockets.post('a=', 'x')).toBe('gone')
    expect(posts()).toBe(1)
  })

  test('that is throttled is tried again until it is sent', async () => {
    mock
      .on(PostToConnectionCommand)
      .rejectsOnce(new LimitExceededException(failure(429)))
      .rejectsOnce(new LimitExceededException(failure(429)))
      .resolves({})
    expect(await sockets.post('a=', 'x')).toBe('sent')
    expect(posts()).toBe(3)
  })

  test('that stays throttled gives up after five tries', async () => {
    mock.on(PostToConnectionCommand).rejects(new LimitExceededException(failure(429)))
    expect(await sockets.post('a=', 'x')).toBe('late')
    expect(posts()).toBe(5)
  })

  test('that is too large is not tried again, and the log says so', async () => {
    mock.on(PostToConnectionCommand).rejects(new PayloadTooLargeException(failure(413)))
    expect(await sockets.post('a=', 'x')).toBe('late')
    expect(posts()).toBe(1)
    expect(lines).toEqual(['post_refused'])
  })

  test('that failed on the way is tried again', async () => {
    mock.on(PostToConnectionCommand).rejectsOnce(new Error('socket hang up')).resolves({})
    expect(await sockets.post('a=', 'x')).toBe('sent')
  })

  test('that nobody answers ends at its deadline', async () => {
    mock.restore()
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const slow = apiGatewaySockets({ endpoint: `http://127.0.0.1:${port}`, log, deadline_ms: 80, client })
    expect(await slow.post('a=', 'x')).toBe('late')
    slow.close_client()
    silent.closeAllConnections()
    await new Promise((resolve) => silent.close(resolve))
  })
})

test('an end of a connection that is gone already is no failure', async () => {
  const again = mockClient(ApiGatewayManagementApiClient)
  again.on(DeleteConnectionCommand).rejects(new GoneException(failure(410)))
  await sockets.close('a=')
  expect(lines).toEqual([])
  again.restore()
})
