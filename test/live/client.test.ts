import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Event } from '#core/event/event'
import { type LiveClient, openLive } from '#core/live/client/client'
import { type LiveTiming, liveTiming, socketUrl, systemClock } from '#core/live/client/inputs'
import { randomOf } from '../simulation/random.ts'
import { playLive } from './server.ts'

const session = 'ses_1'
const timing: LiveTiming = {
  ...liveTiming,
  connect: 2_000,
  backoff: { first: 1, longest: 20 },
  refused: { first: 1, longest: 20 },
  quiet: 100,
  pong: 200,
  answer: 20,
  confirm: 60,
  tick: 5,
}
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function play() {
  const played = await playLive()
  closers.push(played.stop)
  return played
}

function clientOf(base: string): LiveClient {
  const client = openLive({
    async address(signal) {
      const response = await fetch(`${base}/socket-tickets`, { method: 'POST', signal })
      const { ticket }: { ticket: string } = JSON.parse(await response.text())
      return socketUrl(base, { ticket })
    },
    connect: (url) => new WebSocket(url),
    clock: systemClock,
    random: Math.random,
    timing,
    report: (error) => {
      throw error
    },
  })
  closers.push(() => client.close())
  return client
}

/** A viewer that takes what comes, slowly if it is told to, until it has seen `count` events. */
function viewer(client: LiveClient, count: number, slow?: () => Promise<void>) {
  const seen: number[] = []
  const states = new Set<string>()
  const done = new Promise<number[]>((resolve) => {
    const take = (events: Event[]) => {
      seen.push(...events.map(({ seq }) => seq))
      if (seen.length >= count) resolve(seen)
      return slow?.()
    }
    client.session(session, 0, { on: take, status: ({ state }) => void states.add(state) })
  })
  return { seen, done, states }
}

const all = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test.each([1, 2, 3])(
  'connections cut at random, frames lost, repeated and reordered: each seq once, in order (seed %i)',
  async (seed) => {
    const { chance, below } = randomOf(seed)
    const { live, base } = await play()
    live.wire = (frames) => {
      const kept = frames.flatMap((frame) => (chance(0.15) ? [] : chance(0.2) ? [frame, frame] : [frame]))
      return chance(0.3) ? kept.sort(() => below(3) - 1) : kept
    }
    const count = 3_000
    const viewers = all(12).map((i) => viewer(clientOf(base), count, i % 3 === 0 ? turn : undefined))
    for (let written = 0; written < count; ) {
      const some = Math.min(1 + below(40), count - written)
      live.append(session, ...all(some).map((i) => ({ type: 'log', data: { text: `${written + i}` } })))
      written += some
      if (chance(0.1)) live.kill(() => chance(0.3))
      await turn()
    }
    for (const { done } of viewers) expect(await done).toEqual(all(count))
  },
)

test('a server that goes away and comes back goes on where the viewer is', async () => {
  const { live, base, stop, start } = await play()
  const { done, seen, states } = viewer(clientOf(base), 40)
  live.append(session, ...all(10).map(() => ({ type: 'log' })))
  await live.watched(`session:${session}`)
  await stop()
  live.append(session, ...all(20).map(() => ({ type: 'log' })))
  await start()
  await live.watched(`session:${session}`)
  live.append(session, ...all(10).map(() => ({ type: 'log' })))
  expect(await done).toEqual(all(40))
  expect(seen).toHaveLength(40)
  expect(states).toContain('reconnecting')
})

test('a frame that is lost as the last one is found by the next confirmation', async () => {
  const { live, base } = await play()
  const { done } = viewer(clientOf(base), 3)
  await live.watched(`session:${session}`)
  live.append(session, { type: 'log' }, { type: 'log' })
  live.wire = () => []
  live.append(session, { type: 'log' })
  live.wire = (frames) => frames
  expect(await done).toEqual([1, 2, 3])
})

test('a connection on which nothing is said any more is replaced', async () => {
  const { live, base } = await play()
  const { done, states } = viewer(clientOf(base), 2)
  await live.watched(`session:${session}`)
  live.append(session, { type: 'log' })
  live.silent = true
  live.append(session, { type: 'log' })
  while (!states.has('reconnecting')) await turn()
  live.silent = false
  expect(await done).toEqual([1, 2])
})
