import { randomBytes } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import * as z from 'zod'
import { newId } from '#core/id'
import { channelOf, keyOf } from '#core/live/channel'
import { actions } from '#core/live/message'
import { ticketStore } from '#functions/live/tickets'
import { waitFor } from '#local/wait'
import { operatorOf } from '../plant.ts'
import { deadline, openCloud } from './open.ts'

// Every test goes through all parts of the cloud, each with deadlines of its own.
const Made = z.object({ key: z.object({ id: z.string() }), token: z.string() })
vi.setConfig({ testTimeout: 2 * deadline })
const live = await openCloud()

/** The status that a handshake is refused with; 101 when it is not. */
function handshake(query: string, headers: Record<string, string> = {}) {
  return new Promise<number>((resolve, reject) => {
    const socket = new WebSocket(`${live.cloud.url.replace('http', 'ws')}${query}`, { headers })
    socket.once('open', () => {
      socket.terminate()
      resolve(101)
    })
    socket.once('unexpected-response', (request, response) => {
      request.destroy()
      resolve(response.statusCode ?? 0)
    })
    socket.once('error', reject)
  })
}

describe('a ticket', () => {
  test('opens one connection, and no second', async () => {
    const { ticket, expires_at } = await live.ticket()
    expect(Date.parse(expires_at) - Date.now()).toBeGreaterThan(50_000)
    expect(await handshake(`?ticket=${ticket}`)).toBe(101)
    expect(await handshake(`?ticket=${ticket}`)).toBe(401)
  })

  test('opens one of those that race with it', async () => {
    const { ticket } = await live.ticket()
    const all = await Promise.all(Array.from({ length: 6 }, () => handshake(`?ticket=${ticket}`)))
    expect(all.filter((status) => status === 101)).toHaveLength(1)
  })

  test('that is none, or missing, opens nothing', async () => {
    expect(await handshake('')).toBe(401)
    expect(await handshake('?ticket=short')).toBe(401)
    expect(await handshake(`?ticket=${randomBytes(32).toString('base64url')}`)).toBe(401)
  })

  test('of a minute ago opens nothing, though its row is still there', async () => {
    const past = () => new Date(Date.now() - 61_000)
    const store = ticketStore({ table: 'tickets', now: past })
    const { ticket } = await store.issue(operatorOf(live.tenant_id))
    store.close()
    expect(await handshake(`?ticket=${ticket}`)).toBe(401)
  })

  test('is not taken from a foreign page', async () => {
    const { ticket } = await live.ticket()
    expect(await handshake(`?ticket=${ticket}`, { origin: 'https://evil.example' })).toBe(403)
    expect(await handshake(`?ticket=${ticket}`)).toBe(101)
  })
})

describe('a connection of another tenant', () => {
  test('sees nothing of this one', async () => {
    const other = newId('tenant')
    const key = await live.addTenant(other)
    const id = await live.session('secret')
    const stranger = await live.connect(key)
    stranger.subscribe(`session:${id}`)
    stranger.subscribe('fleet')
    expect(await stranger.hears(({ type }) => type === 'error')).toMatchObject({ code: 'not_found' })
    const fleet = await stranger.hears(({ type }) => type === 'fleet')
    expect(fleet).toMatchObject({ sessions: [], stats: { sessions: { PENDING: 0 } } })
    const viewer = await live.connect()
    viewer.subscribe(`session:${id}`)
    await viewer.hears(({ to }) => to === 1)
    await live.touch(id, 'still secret')
    await viewer.hears(({ to }) => to === 2)
    expect(JSON.stringify(stranger.heard)).not.toContain('secret')
  })

  test('gets nothing of a channel, even were its row there', async () => {
    const other = newId('tenant')
    const key = await live.addTenant(other)
    const stranger = await live.connect(key)
    stranger.subscribe('fleet')
    await stranger.hears(({ type }) => type === 'fleet')
    const [mine] = await live.viewers.of(keyOf(channelOf.fleet(other)))
    const id = await live.session('secret')
    await live.viewers.put(keyOf(channelOf.session(live.tenant_id, id)), {
      connection_id: mine?.connection_id ?? '',
      tenant_id: other,
      ...{ key_id: null, after: 0, replaying_until: 0, seen_at: Date.now() },
    })
    const viewer = await live.connect()
    viewer.subscribe(`session:${id}`)
    await viewer.hears(({ to }) => to === 1)
    await live.touch(id, 'still secret')
    await viewer.hears(({ to }) => to === 2)
    expect(stranger.seqs(`session:${id}`)).toEqual([])
  })
})

describe('a connection of a key that is revoked', () => {
  test('is closed upon its next confirmation, and its ticket of before opens nothing that it can use', async () => {
    const wanted = { name: 'viewer', scopes: ['sessions:read'] }
    const made = await live.call('POST', '/keys', wanted)
    const { key, token } = Made.parse(await made.json())
    const id = await live.session()
    const viewer = await live.connect(token)
    viewer.subscribe(`session:${id}`)
    await viewer.hears(({ to }) => to === 1)
    const { ticket } = await live.ticket(token)
    expect((await live.call('DELETE', `/keys/${key.id}`)).status).toBe(204)
    const gone = viewer.closed()
    await waitFor('the refusal', deadline, () => {
      viewer.subscribe(`session:${id}`, 1)
      return viewer.heard.find(({ code }) => code === 'unauthorized') ?? null
    })
    await gone
    const late = await live.connectWith(ticket)
    late.subscribe('fleet')
    await late.closed()
    expect(late.heard.map(({ type }) => type)).toEqual(['error'])
  })
})

describe("every action on another tenant's channels", () => {
  test('shows nothing and changes nothing', async () => {
    const other = newId('tenant')
    const key = await live.addTenant(other)
    // Not the tenants' own rows: their fleets are looked at meanwhile.
    const vault = async () => {
      const { session, event_page, inbox, message } = await live.rows()
      return { session, event_page, inbox, message }
    }
    const id = await live.session('secret')
    const { agent } = await live.register('watched', ['REFACTORING'])
    const before = await vault()
    const stranger = await live.connect(key)
    for (const action of actions)
      for (const channel of [`session:${id}`, `agent:${agent.id}`])
        stranger.send(action === 'ping' ? { action } : { action, channel })
    await waitFor('an answer to each that has one', deadline, () => {
      const said = stranger.heard.map(({ type, code }) => code ?? type).sort()
      return said.length >= 4 ? said : null
    }).then((said) => expect(said).toEqual(['forbidden', 'not_found', 'pong', 'pong']))
    expect(await vault()).toEqual(before)
    const viewer = await live.connect()
    viewer.subscribe(`session:${id}`)
    await live.touch(id, 'still secret')
    await viewer.hears(({ to }) => to === 2)
    expect(JSON.stringify(stranger.heard)).not.toContain('secret')
  })
})

describe('an agent', () => {
  const planned = {
    title: 'Goal',
    prompt: 'Reach it.',
    start: true,
    plan: {
      summary: 'one task',
      tasks: [{ key: 'write', title: 'Write', instruction: 'Write.', capability: 'CODE_GENERATION' }],
    },
  }

  test('hears of an offer by its socket, and again until it is acked', async () => {
    const { agent, token } = await live.register('hearer')
    const worker = await live.connect(token)
    worker.subscribe(`agent:${agent.id}`)
    await worker.hears(({ type }) => type === 'subscribed')
    await live.call('POST', '/sessions', planned)
    const frame = await worker.hears(({ type }) => type === 'inbox')
    expect(frame).toMatchObject({ channel: `agent:${agent.id}`, items: [{ kind: 'OFFER' }] })
    const [offer] = frame.items ?? []
    const before = worker.heard.length
    worker.subscribe(`agent:${agent.id}`)
    expect((await worker.hears(({ type }) => type === 'inbox', before)).items).toEqual([offer])
    const acked = await live.call('POST', `/agents/${agent.id}/inbox/${offer?.id}/ack`, {}, token)
    expect(acked.status).toBe(204)
    const after = worker.heard.length
    worker.subscribe(`agent:${agent.id}`)
    worker.send({ action: 'ping' })
    await worker.hears(({ type }) => type === 'pong')
    await worker.hears(({ type }) => type === 'subscribed', after)
    expect(worker.heard.slice(after).filter(({ type }) => type === 'inbox')).toEqual([])
  })

  test('finds over REST what came while its socket was down', async () => {
    const { agent, token } = await live.register('deaf', ['TESTING'])
    const tasks = planned.plan.tasks.map((task) => ({ ...task, capability: 'TESTING' }))
    await live.call('POST', '/sessions', { ...planned, plan: { ...planned.plan, tasks } })
    const items = await waitFor('the offer', deadline, async () => {
      const answer = await live.call('GET', `/agents/${agent.id}/inbox?wait=5`, undefined, token)
      const text = await answer.text()
      return text.includes('OFFER') ? text : null
    })
    const worker = await live.connect(token)
    worker.subscribe(`agent:${agent.id}`)
    const frame = await worker.hears(({ type }) => type === 'inbox')
    expect(items).toContain(frame.items?.[0]?.id)
  })

  test('may watch its own inbox alone, and operators none', async () => {
    const { agent, token } = await live.register('curious', ['DEBUGGING'])
    const { agent: neighbour } = await live.register('neighbour', ['DEBUGGING'])
    const id = await live.session()
    const worker = await live.connect(token)
    for (const channel of [`session:${id}`, 'fleet', `agent:${neighbour.id}`]) {
      worker.subscribe(channel)
      const said = await worker.hears((frame) => frame.type === 'error' && frame.channel === channel)
      expect(said.code).toBe('forbidden')
    }
    const operator = await live.connect()
    operator.subscribe(`agent:${agent.id}`)
    expect(await operator.hears(({ type }) => type === 'error')).toMatchObject({ code: 'forbidden' })
  })
})
