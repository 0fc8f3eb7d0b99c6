import { rmSync } from 'node:fs'
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  GoneException,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi'
import { afterAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import * as z from 'zod'
import { temporaryFolder } from '../fixtures.ts'
import { startGateway } from '../gateway.ts'
import { waitFor } from '../wait.ts'
import type { SocketLimits } from './socket-api.ts'

const Event = z.looseObject({
  requestContext: z.looseObject({ routeKey: z.string(), connectionId: z.string(), eventType: z.string() }),
  body: z.string().optional(),
  queryStringParameters: z.record(z.string(), z.string()).optional(),
})
const deadline = 5_000
const folder = temporaryFolder()
const closers: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closers) await close()
  rmSync(folder.path, { recursive: true })
})

/** A gateway with these limits, the events that its function saw, and a management client. */
async function open(
  limits: Partial<SocketLimits> = {},
  answer: (event: z.infer<typeof Event>) => unknown = () => ({ statusCode: 200 }),
) {
  const events: z.infer<typeof Event>[] = []
  const invoke = async (event: unknown) => {
    const seen = Event.parse(event)
    events.push(seen)
    return answer(seen)
  }
  const artifacts = { folder: folder.path, secret: 'a secret', maxBytes: 1_000 }
  const gateway = await startGateway({
    ...{ port: 0, artifacts, log: () => {}, graceMs: 500 },
    invoke: async () => ({ statusCode: 200 }),
    socket: { invoke, limits },
  })
  const client = new ApiGatewayManagementApiClient({
    endpoint: gateway.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  })
  closers.push(gateway.stop, () => client.destroy())

  async function connect(query = '') {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/${query}`)
    const heard: string[] = []
    let closed: number | null = null
    socket.on('message', (text) => heard.push(String(text)))
    socket.on('close', (code) => {
      closed = code
    })
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    const id = events.findLast(({ requestContext }) => requestContext.routeKey === '$connect')
    return {
      socket,
      heard,
      id: id?.requestContext.connectionId ?? '',
      closed: () => waitFor('the close', deadline, () => closed),
    }
  }
  const routes = () => events.map(({ requestContext }) => requestContext.routeKey)
  return { gateway, client, events, routes, connect }
}

describe('a socket', () => {
  test('becomes the three events of one connection', async () => {
    const { connect, events, routes } = await open()
    const { socket, id } = await connect('?ticket=a%20b')
    socket.send('{"action":"ping"}')
    await waitFor('the message', deadline, () => (events.length === 2 ? true : null))
    socket.close(1000, 'done')
    await waitFor('the end', deadline, () => (events.length === 3 ? true : null))
    expect(routes()).toEqual(['$connect', '$default', '$disconnect'])
    expect(events.map(({ requestContext }) => requestContext.eventType)).toEqual([
      'CONNECT',
      'MESSAGE',
      'DISCONNECT',
    ])
    expect(new Set(events.map(({ requestContext }) => requestContext.connectionId))).toEqual(new Set([id]))
    expect(id).toMatch(/=$/)
    expect(events[0]?.queryStringParameters).toEqual({ ticket: 'a b' })
    expect(events[1]?.body).toBe('{"action":"ping"}')
    expect(events[2]?.requestContext).toMatchObject({ disconnectStatusCode: 1000, disconnectReason: 'done' })
  })

  test('that $connect refuses does not open, and has no end', async () => {
    const { connect, routes } = await open({}, () => ({ statusCode: 401 }))
    await expect(connect()).rejects.toThrow('401')
    expect(routes()).toEqual(['$connect'])
  })

  test('whose function throws does not open', async () => {
    const { connect } = await open({}, () => Promise.reject(new Error('no')))
    await expect(connect()).rejects.toThrow('502')
  })

  test('is told when the function fails for its message', async () => {
    const { connect } = await open({}, ({ requestContext }) => {
      if (requestContext.routeKey === '$default') throw new Error('no')
      return { statusCode: 200 }
    })
    const { socket, heard, id } = await connect()
    socket.send('x')
    await waitFor('the word', deadline, () => heard[0] ?? null)
    expect(JSON.parse(heard[0] ?? '')).toEqual({ message: 'Internal server error', connectionId: id })
  })

  test('with a frame over the limit is closed by 1009, one divided into smaller ones is heard', async () => {
    const { connect, events } = await open()
    const divided = await connect()
    divided.socket.send('x'.repeat(30_000), { fin: false })
    divided.socket.send('y'.repeat(30_000), { fin: true })
    await waitFor('the message', deadline, () => events.find(({ body }) => body?.length === 60_000) ?? null)
    const whole = await connect()
    whole.socket.send('x'.repeat(33 * 1024))
    expect(await whole.closed()).toBe(1009)
    expect(events.filter(({ body }) => body !== undefined)).toHaveLength(1)
  })

  test('with a message over the limit is closed by 1009', async () => {
    const { connect } = await open()
    const { socket, closed } = await connect()
    for (let i = 0; i < 5; i++) socket.send('x'.repeat(30_000), { fin: i === 4 })
    expect(await closed()).toBe(1009)
  })

  test('that is idle is closed by 1001, and one that is used is not', async () => {
    const { connect, client } = await open({ idleMs: 400 })
    const [idle, used] = [await connect(), await connect()]
    const use = setInterval(() => used.socket.send('x'), 50)
    expect(await idle.closed()).toBe(1001)
    expect(used.socket.readyState).toBe(WebSocket.OPEN)
    clearInterval(use)
    await expect(
      client.send(new PostToConnectionCommand({ ConnectionId: idle.id, Data: 'x' })),
    ).rejects.toThrow(GoneException)
  })

  test('lives no longer than it may, used or not', async () => {
    const { connect } = await open({ lifeMs: 300 })
    const { socket, closed } = await connect()
    const use = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('x'), 50)
    expect(await closed()).toBe(1001)
    clearInterval(use)
  })

  test('that does not read is ended, and the others hear all', async () => {
    const { connect, client, routes } = await open({ waitingBytes: 256 * 1024 })
    const [slow, quick] = [await connect(), await connect()]
    slow.socket.pause()
    const Data = Buffer.alloc(100_000, 'x')
    const outcomes: string[] = []
    for (let i = 0; i < 120; i++) {
      const post = client.send(new PostToConnectionCommand({ ConnectionId: slow.id, Data }), {
        abortSignal: AbortSignal.timeout(100),
      })
      outcomes.push(await post.then(() => 'sent').catch((error: Error) => error.name))
      await client.send(new PostToConnectionCommand({ ConnectionId: quick.id, Data }))
      if (outcomes.at(-1) === 'GoneException') break
    }
    expect(outcomes.at(-1)).toBe('GoneException')
    await waitFor('the rest', deadline, () => (quick.heard.length === outcomes.length ? true : null))
    expect(routes()).toContain('$disconnect')
  })

  test('ends with the gateway, answering or not, and the function is told', async () => {
    const { connect, gateway, routes } = await open()
    const [polite, deaf] = [await connect(), await connect()]
    deaf.socket.pause()
    await gateway.stop()
    expect(await polite.closed()).toBe(1001)
    expect(routes()).toEqual(['$connect', '$connect', '$disconnect', '$disconnect'])
  })
})

describe('@connections', () => {
  test('posts, tells of and ends a connection; then it is gone', async () => {
    const { connect, client } = await open()
    const { id, heard, closed } = await connect()
    await client.send(new PostToConnectionCommand({ ConnectionId: id, Data: Buffer.from('{"ä":1}') }))
    await waitFor('the frame', deadline, () => heard[0] ?? null)
    expect(heard).toEqual(['{"ä":1}'])
    const told = await client.send(new GetConnectionCommand({ ConnectionId: id }))
    expect(told.ConnectedAt).toBeInstanceOf(Date)
    expect(told.Identity?.SourceIp).toBe('127.0.0.1')
    await client.send(new DeleteConnectionCommand({ ConnectionId: id }))
    expect(await closed()).toBe(1001)
    for (const command of [
      new PostToConnectionCommand({ ConnectionId: id, Data: 'x' }),
      new PostToConnectionCommand({ ConnectionId: 'bmV2ZXIgdGhlcmU=', Data: 'x' }),
    ])
      await expect(client.send(command)).rejects.toThrow(GoneException)
  })

  test('refuses what is over 128 KB with 413, and the connection stays', async () => {
    const { connect, client } = await open()
    const { id, heard } = await connect()
    const over = new PostToConnectionCommand({ ConnectionId: id, Data: Buffer.alloc(128 * 1024 + 1, 'x') })
    await expect(client.send(over)).rejects.toMatchObject({
      name: 'PayloadTooLargeException',
      $metadata: { httpStatusCode: 413 },
    })
    await client.send(new PostToConnectionCommand({ ConnectionId: id, Data: Buffer.alloc(128 * 1024, 'x') }))
    await waitFor('the frame', deadline, () => heard[0] ?? null)
    expect(heard[0]).toHaveLength(128 * 1024)
  })

  test('hears only who signs', async () => {
    const { connect, gateway } = await open()
    const { id, heard } = await connect()
    const path = `${gateway.url}/@connections/${encodeURIComponent(id)}`
    expect((await fetch(path, { method: 'POST', body: 'x' })).status).toBe(403)
    expect(heard).toEqual([])
  })
})
