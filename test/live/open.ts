import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { WebSocket } from 'ws'
import * as z from 'zod'
import { defaultTenant } from '#core/actor'
import { openDatabase } from '#core/database/database'
import { keepAdminKey } from '#core/key/admin'
import { newToken } from '#core/key/token'
import { dynamoViewers } from '#functions/live/viewers'
import { anyPorts, type LocalOptions, startLocal } from '#local/cloud'
import { waitFor } from '#local/wait'
import { testDatabase } from '../database.ts'
import { everything } from '../everything.ts'
import { admin } from '../services.ts'

const Ticket = z.object({ ticket: z.string(), url: z.string(), expires_at: z.string() })
const Session = z.looseObject({ id: z.string() })
const Registered = z.object({ agent: z.looseObject({ id: z.string() }), token: z.string() })

/** What tests read of a frame. */
const Frame = z.looseObject({
  type: z.string(),
  channel: z.string().optional(),
  from: z.number().optional(),
  to: z.number().optional(),
  last_seq: z.number().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  events: z.array(z.looseObject({ seq: z.number(), type: z.string() })).optional(),
  items: z.array(z.looseObject({ id: z.string(), kind: z.string() })).optional(),
})
export type FrameBody = z.infer<typeof Frame>

export const deadline = 25_000

/** The whole local cloud without workers; with a Redis of its own, since tenants of clouds have one name. */
export async function openCloud(options: Pick<LocalOptions, 'socketLimits' | 'env'> = {}) {
  const { url: database } = await testDatabase()
  const data = mkdtempSync(join(tmpdir(), 'orchestrator-live-'))
  const env = { DATABASE_URL: database, ...options.env }
  const cloud = await startLocal({ ...options, data, env, ports: anyPorts, workers: [], write: () => {} })
  const viewers = dynamoViewers({ connections: 'connections', subscriptions: 'subscriptions' })
  const engine = openDatabase({ url: database, role: 'engine', max: 1 })
  const sockets: WebSocket[] = []

  /** With the key of the cloud's folder, unless another is given. */
  async function call(method: string, path: string, body?: unknown, token = cloud.key) {
    return fetch(`${cloud.api}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(deadline),
    })
  }

  async function ticket(token?: string) {
    const answer = await call('POST', '/socket-tickets', {}, token)
    return Ticket.parse(await answer.json())
  }

  const connect = async (token?: string) => connectWith((await ticket(token)).ticket)

  /** A socket as a client has it, and all that it has heard. */
  async function connectWith(opener: string) {
    const socket = new WebSocket(`${cloud.environment.PUBLIC_SOCKET_URL}?ticket=${opener}`)
    sockets.push(socket)
    const heard: FrameBody[] = []
    let closed: { code: number; reason: string } | null = null
    socket.on('message', (text) => heard.push(Frame.parse(JSON.parse(String(text)))))
    socket.on('close', (code, reason) => {
      closed = { code, reason: String(reason) }
    })
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    const send = (message: unknown) =>
      socket.send(typeof message === 'string' ? message : JSON.stringify(message))
    return {
      socket,
      heard,
      send,
      close: () => socket.close(),
      closed: () => waitFor('the close', deadline, () => closed),
      subscribe: (channel: string, after = 0) => send({ action: 'subscribe', channel, after }),
      /** The first frame, from the given place on, that is meant. */
      hears: (meant: (frame: FrameBody) => boolean, from = 0) =>
        waitFor('a frame', deadline, () => heard.slice(from).find(meant) ?? null),
      /** Every seq in the order it came; one may come twice, as from a replay and a broadcast that met. */
      seqs: (channel: string) =>
        heard
          .filter((frame) => frame.type === 'events' && frame.channel === channel)
          .flatMap(({ events = [] }) => events.map(({ seq }) => seq)),
    }
  }

  /** A PENDING session: nothing moves it but the test. */
  async function session(title = 'Goal') {
    const answer = await call('POST', '/sessions', { title, prompt: 'Reach it.' })
    return Session.parse(await answer.json()).id
  }

  async function register(name: string, capabilities = ['CODE_GENERATION']) {
    const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
    const answer = await call('POST', '/agents', { name, engine, capabilities, capacity: 1, labels: [] })
    return Registered.parse(await answer.json())
  }

  afterAll(async () => {
    for (const socket of sockets) socket.terminate()
    viewers.close()
    await engine.end()
    await cloud.stop()
    rmSync(data, { recursive: true, force: true })
  })
  return {
    cloud,
    call,
    ticket,
    connect,
    connectWith,
    tenant_id: defaultTenant,
    viewers,
    /** Another tenant; answers a key that may do everything in it. */
    async addTenant(id: string) {
      await admin(database, `insert into tenant (id, name) values ('${id}', 'other')`)
      const { token } = newToken(id)
      await keepAdminKey({ url: database, token })
      return token
    },
    /** Every row of every tenant. */
    rows: () => everything(engine),
    session,
    register,
    /** One more event of a session. */
    touch: (id: string, title: string) => call('PATCH', `/sessions/${id}`, { title }),
  }
}

export type Live = Awaited<ReturnType<typeof openCloud>>

/** 1, 2, … n. */
export const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i)
