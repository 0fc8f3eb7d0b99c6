import { expect, test } from 'vitest'
import { openLive } from './client.ts'
import { eventsFrame, type PlayedSocket, playClock, playSocket, settled } from './fixture.ts'
import { Refused, socketUrl } from './inputs.ts'
import type { LiveStatus } from './status.ts'

const timing = {
  connect: 1_000,
  backoff: { first: 100, longest: 1_000 },
  refused: { first: 3_000, longest: 60_000 },
  offline: 5_000,
  quiet: 3_000,
  pong: 500,
  answer: 200,
  confirm: 2_000,
  tick: 10,
}
const channel = 'session:ses_1'

/** A client whose sockets and clock are the test's. */
function played(over: { address?: () => Promise<string>; random?: () => number } = {}) {
  const time = playClock()
  const sockets: PlayedSocket[] = []
  const reported: unknown[] = []
  const states: LiveStatus['state'][] = []
  let tickets = 0
  const live = openLive(
    {
      address: over.address ?? (async () => `ws://test/?ticket=${++tickets}`),
      connect(url) {
        const socket = playSocket(url)
        sockets.push(socket)
        return socket
      },
      clock: time.clock,
      random: over.random ?? (() => 0),
      timing,
      report: (error) => void reported.push(error),
    },
    ({ state }) => void states.push(state),
  )
  const seen: number[] = []
  const session = (after = 0) =>
    live.session('ses_1', after, { on: (events) => void seen.push(...events.map(({ seq }) => seq)) })
  /** The present socket, opened. */
  async function connected() {
    await settled()
    const socket = sockets.at(-1)
    if (!socket) throw new Error('no socket was opened')
    socket.open()
    return socket
  }
  const subscribed = (last_seq: number) => ({ type: 'subscribed', channel, last_seq })
  return { ...time, live, sockets, reported, states, seen, session, connected, subscribed }
}

const subscribes = (socket: PlayedSocket) => socket.sent.filter(({ action }) => action === 'subscribe')

test('asks from where it is, and is live once everything known was handed on', async () => {
  const { live, session, connected, subscribed, seen } = played()
  const events = session(4)
  expect(events.status().state).toBe('reconnecting')
  const socket = await connected()
  expect(socket.sent).toEqual([{ action: 'subscribe', channel, after: 4 }])
  expect(events.status().state).toBe('catching_up')
  socket.say(subscribed(7))
  expect(events.status().state).toBe('catching_up')
  socket.say(eventsFrame(channel, 5, 7))
  expect(seen).toEqual([5, 6, 7])
  expect([events.status().state, live.status().state]).toEqual(['live', 'live'])
})

test('a gap is asked for at once, once, and again when the answer is overdue', async () => {
  const { session, connected, subscribed, seen, advance } = played()
  const events = session()
  const socket = await connected()
  socket.say(subscribed(0))
  socket.say(eventsFrame(channel, 2, 3))
  socket.say(eventsFrame(channel, 5, 5))
  expect(subscribes(socket)).toHaveLength(2)
  expect(events.status().state).toBe('catching_up')
  await advance(timing.answer)
  await advance(2 * timing.answer)
  expect(subscribes(socket).map(({ after }) => after)).toEqual([0, 0, 0, 0])
  socket.say(eventsFrame(channel, 1, 5))
  socket.say(subscribed(5))
  expect(seen).toEqual([1, 2, 3, 4, 5])
  expect(events.status().state).toBe('live')
})

test('newer frames that come before the end of a replay are no gap', async () => {
  const { session, connected, subscribed, seen } = played()
  session()
  const socket = await connected()
  socket.say(eventsFrame(channel, 9, 9))
  socket.say(subscribed(9))
  socket.say(eventsFrame(channel, 1, 8))
  expect(subscribes(socket)).toHaveLength(1)
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('confirms how far it is, and so finds a lost last frame', async () => {
  const { session, connected, subscribed, seen, advance } = played()
  const events = session()
  const socket = await connected()
  socket.say(subscribed(0))
  socket.say(eventsFrame(channel, 1, 2))
  await advance(timing.confirm)
  expect(subscribes(socket).at(-1)).toEqual({ action: 'subscribe', channel, after: 2 })
  expect(events.status().state).toBe('live')
  socket.say(subscribed(3))
  expect(events.status().state).toBe('catching_up')
  socket.say(eventsFrame(channel, 3, 3))
  expect(seen).toEqual([1, 2, 3])
  expect(events.status().state).toBe('live')
})

test('goes on from its last seq on the next connection, with a new ticket', async () => {
  const { session, connected, subscribed, seen, sockets, advance } = played()
  const events = session()
  const first = await connected()
  first.say(subscribed(3))
  first.say(eventsFrame(channel, 1, 3))
  first.drop()
  expect(events.status()).toMatchObject({ state: 'reconnecting', reason: 'the connection was closed' })
  await advance(timing.backoff.first)
  const second = await connected()
  expect(sockets.map(({ url }) => url)).toEqual(['ws://test/?ticket=1', 'ws://test/?ticket=2'])
  expect(second.sent).toEqual([{ action: 'subscribe', channel, after: 3 }])
  expect(events.status().state).toBe('catching_up')
  first.say(eventsFrame(channel, 4, 4))
  expect(seen).toEqual([1, 2, 3])
  second.say(eventsFrame(channel, 3, 5))
  second.say(subscribed(5))
  expect(seen).toEqual([1, 2, 3, 4, 5])
  expect(events.status().state).toBe('live')
})

test('a connection that died without a word is found by its silence, and replaced', async () => {
  const { live, connected, sockets, advance, clock } = played()
  const socket = await connected()
  const heard_at = clock.now()
  await advance(timing.quiet)
  expect(socket.sent).toEqual([{ action: 'ping' }])
  expect(live.status()).toMatchObject({ state: 'live', heard_at })
  await advance(timing.pong)
  expect(socket.closed).toBe(true)
  expect(live.status()).toMatchObject({
    state: 'reconnecting',
    reason: 'the connection fell silent',
    heard_at,
  })
  await advance(timing.backoff.first)
  expect(sockets).toHaveLength(2)
})

test('a word, whatever it is, proves that the other side is there', async () => {
  const { live, connected, advance } = played()
  const socket = await connected()
  await advance(timing.quiet)
  socket.say('{"message":"Internal server error"}')
  await advance(timing.quiet - timing.tick)
  expect(live.status().state).toBe('live')
  expect(socket.sent).toHaveLength(1)
})

test('the pauses double up to the longest, are drawn at random, and begin anew once a server has spoken', async () => {
  const { live, sockets, connected, advance, clock, states } = played({ random: () => 0.5 })
  const pauses: number[] = []
  for (let i = 0; i < 6; i += 1) {
    const socket = await connected()
    // Open, but nothing was said: that proves nothing.
    socket.drop()
    pauses.push((live.status().retry_at ?? 0) - clock.now())
    await advance(pauses.at(-1) ?? 0)
  }
  expect(pauses).toEqual([75, 150, 300, 600, 750, 750])
  const spoke = await connected()
  spoke.say({ type: 'pong' })
  spoke.drop()
  expect((live.status().retry_at ?? 0) - clock.now()).toBe(75)
  expect(sockets).toHaveLength(7)
  expect(states).toContain('reconnecting')
})

test('is offline after long enough, tries on, and is back when the server is', async () => {
  let away = true
  const { live, states, advance, connected, sockets } = played({
    address: async () => {
      if (away) throw new Error('nobody answers')
      return 'ws://test/'
    },
  })
  await advance(timing.offline - timing.tick)
  expect(live.status()).toMatchObject({ state: 'reconnecting', reason: 'nobody answers', heard_at: null })
  await advance(2 * timing.tick)
  expect(live.status().state).toBe('offline')
  expect(states.filter((state) => state === 'offline').length).toBeGreaterThan(0)
  away = false
  live.retry()
  await connected()
  expect(sockets).toHaveLength(1)
  expect(live.status()).toMatchObject({ state: 'live', reason: null, retry_at: null })
})

test('a refused ticket is asked for again, seldom, and at once when somebody says so', async () => {
  let asked = 0
  let refuses = true
  const address = async () => {
    asked += 1
    if (refuses) throw new Refused('not signed in')
    return 'ws://test/'
  }
  const { live, advance, clock, connected, sockets } = played({ address, random: () => 1 })
  await settled()
  await advance(timing.refused.first - 1)
  expect(asked).toBe(1)
  expect(live.status()).toMatchObject({ state: 'offline', reason: 'not signed in' })
  await advance(1)
  expect(asked).toBe(2)
  expect((live.status().retry_at ?? 0) - clock.now()).toBe(2 * timing.refused.first)
  await advance(20 * timing.refused.longest)
  expect((live.status().retry_at ?? Number.NaN) - clock.now()).toBeLessThanOrEqual(timing.refused.longest)
  const before = asked
  live.retry()
  expect(asked).toBe(before + 1)
  expect(live.status().state).toBe('offline')
  await settled()
  refuses = false
  await advance(timing.refused.longest)
  expect(sockets.length).toBeGreaterThan(0)
  await connected()
  expect(live.status()).toMatchObject({ state: 'live', reason: null, retry_at: null })
})

test('a ticket or a socket that never answers is given up in time', async () => {
  const { sockets, advance, live } = played()
  await settled()
  await advance(timing.connect)
  expect(live.status().reason).toBe('no answer in time')
  expect(sockets[0]?.closed).toBe(true)
})

test('a listener that throws or is slow costs nothing, and the others nothing', async () => {
  const { live, connected, reported, seen, session } = played()
  let go: () => void = () => undefined
  const slow: number[] = []
  live.session('ses_1', 0, {
    on: async (events) => {
      slow.push(...events.map(({ seq }) => seq))
      await new Promise<void>((resolve) => {
        go = resolve
      })
    },
  })
  live.session('ses_1', 0, {
    on: () => {
      throw new Error('broken')
    },
    status: () => {
      throw new Error('broken too')
    },
  })
  session()
  const socket = await connected()
  for (let seq = 1; seq <= 200; seq += 1) socket.say(eventsFrame(channel, seq, seq))
  expect(seen).toHaveLength(200)
  expect(slow).toEqual([1])
  expect(reported.length).toBeGreaterThan(200)
  go()
  await settled()
  // The frames past the bound were let go, and what is missing is asked for.
  expect(slow).toHaveLength(65)
  expect(live.status().state).toBe('catching_up')
})

test('what a slow listener let go is asked for when it is through', async () => {
  const { live, connected, subscribed } = played()
  let go: () => void = () => undefined
  live.session('ses_1', 0, {
    on: () =>
      new Promise<void>((resolve) => {
        go = resolve
      }),
  })
  const socket = await connected()
  socket.say(subscribed(0))
  for (let seq = 1; seq <= 200; seq += 1) socket.say(eventsFrame(channel, seq, seq))
  go()
  await settled()
  go()
  await settled()
  expect(subscribes(socket).map(({ after }) => after)).toEqual([0, 65])
})

test('a channel that cannot be had is said to be refused, and the others go on', async () => {
  const { live, connected, seen, session } = played()
  const refused: string[] = []
  const two = live.session('ses_2', 0, { on: () => {}, refused: ({ code }) => void refused.push(code) })
  session()
  const socket = await connected()
  socket.say({ type: 'error', code: 'not_found', channel: 'session:ses_2' })
  socket.say({ type: 'error', code: 'dependency_unavailable', channel, retryable: true })
  socket.say(eventsFrame(channel, 1, 1))
  expect(refused).toEqual(['not_found'])
  expect(two.status()).toMatchObject({ state: 'offline', reason: 'not_found' })
  expect(seen).toEqual([1])
})

test('a connection that the server has forgotten is replaced, with growing pauses', async () => {
  const { live, connected, session, sockets, advance } = played()
  const events = session()
  const forgotten = { type: 'error', code: 'unauthorized', message: 'Open it anew.', channel }
  const first = await connected()
  first.say(forgotten)
  expect(events.status()).toMatchObject({ state: 'reconnecting', reason: 'Open it anew.' })
  await advance(timing.backoff.first / 2)
  const second = await connected()
  second.say(forgotten)
  await advance(timing.backoff.first / 2)
  expect(sockets).toHaveLength(2)
  await advance(timing.backoff.first / 2)
  expect(sockets).toHaveLength(3)
  expect([first.closed, second.closed, live.status().state]).toEqual([true, true, 'reconnecting'])
})

test('several channels share a socket, and leaving one leaves the others', async () => {
  const { live, connected } = played()
  const fleet: unknown[] = []
  const items: unknown[] = []
  const watched = live.fleet({ on: (frame) => void fleet.push(frame.running) })
  live.agent('agt_1', { on: (frame) => void items.push(...frame.items) })
  const socket = await connected()
  expect(subscribes(socket).map((message) => message.channel)).toEqual(['fleet', 'agent:agt_1'])
  socket.say({ type: 'fleet', running: 3 })
  socket.say({ type: 'inbox', items: [{ id: 'inb_1' }] })
  watched.close()
  expect(socket.sent.at(-1)).toEqual({ action: 'unsubscribe', channel: 'fleet' })
  socket.say({ type: 'fleet', running: 4 })
  socket.say({ type: 'inbox', channel: 'agent:agt_1', items: [{ id: 'inb_2' }] })
  expect([fleet, items]).toEqual([[3], [{ id: 'inb_1' }, { id: 'inb_2' }]])
})

test('after close nothing is handed on, no socket is open and no timer runs', async () => {
  const { live, connected, session, seen, pending } = played()
  session()
  const socket = await connected()
  live.close()
  socket.say(eventsFrame(channel, 1, 1))
  socket.drop()
  expect([seen, socket.closed, pending(), live.status().state]).toEqual([[], true, 0, 'offline'])
  live.retry()
  expect(pending()).toBe(0)
})

test('a socket is opened where the ticket says, else at the origin of the api', () => {
  expect(socketUrl('http://localhost:8000/api/v1', { ticket: 'a b' })).toBe('ws://localhost:8000/?ticket=a+b')
  expect(socketUrl('https://one/api/v1', { ticket: 't', url: 'wss://two/live' })).toBe(
    'wss://two/live?ticket=t',
  )
})
