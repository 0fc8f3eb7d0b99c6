/**
 * Viewers of one session in a process of their own: a message asks for so many, which then follow from the head;
 * another one asks for what they have seen, as the times of each seq.
 */
import { WebSocket } from 'ws'
import * as z from 'zod'

const Asked = z.discriminatedUnion('ask', [
  z.object({
    ask: z.literal('open'),
    api: z.string(),
    key: z.string(),
    session_id: z.string(),
    viewers: z.int(),
    after: z.int(),
  }),
  z.object({ ask: z.literal('seen') }),
  z.object({ ask: z.literal('close') }),
])
const Ticket = z.object({ ticket: z.string(), url: z.string() })

/** Sockets that are opened at once. */
const width = 20
const answerMs = 20_000

/** When each seq came first, by viewer, in ms since the epoch. */
let seen: Map<number, number>[] = []
let sockets: WebSocket[] = []
/** Whether every seq came in order, without a gap, at each viewer. */
let gaps = 0

async function open({
  api,
  key,
  session_id,
  viewers,
  after,
}: Extract<z.infer<typeof Asked>, { ask: 'open' }>) {
  seen = []
  gaps = 0
  let left = viewers
  async function lane() {
    while (left > 0) {
      left -= 1
      await openOne({ api, key }, session_id, after)
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, viewers) }, lane))
}

async function openOne({ api, key }: { api: string; key: string }, session_id: string, after: number) {
  const answer = await fetch(`${api}/socket-tickets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(answerMs),
  })
  const { url, ticket } = Ticket.parse(await answer.json())
  const socket = new WebSocket(`${url}?ticket=${ticket}`)
  sockets.push(socket)
  const times = new Map<number, number>()
  seen.push(times)
  let last = after
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () =>
      socket.send(JSON.stringify({ action: 'subscribe', channel: `session:${session_id}`, after })),
    )
    socket.on('message', (data) => {
      const now = performance.timeOrigin + performance.now()
      const text = String(data)
      if (text.startsWith('{"type":"subscribed"')) return resolve()
      // The head of a frame is enough: parsing all of them would measure this process.
      const [, from, to] = /^\{"type":"events","channel":"[^"]*","from":(\d+),"to":(\d+)/.exec(text) ?? []
      if (to === undefined) return
      if (Number(from) > last + 1) gaps += 1
      for (let seq = Math.max(last + 1, Number(from)); seq <= Number(to); seq++) times.set(seq, now)
      last = Math.max(last, Number(to))
    })
  })
}

process.on('message', (message) => {
  const asked = Asked.parse(message)
  if (asked.ask === 'open')
    open(asked).then(
      () => process.send?.({ said: 'open' }),
      (error: unknown) => process.send?.({ said: 'failed', reason: String(error) }),
    )
  if (asked.ask === 'seen') process.send?.({ said: 'seen', gaps, viewers: seen.map((times) => [...times]) })
  if (asked.ask === 'close') {
    for (const socket of sockets) socket.terminate()
    sockets = []
    process.send?.({ said: 'closed' })
  }
})
