import * as z from 'zod'
import { waitFor } from '#local/wait'

type Sent = { body?: unknown; token?: string; once?: string }

/** A client of an instance's REST API, with a key unless it says otherwise: status and JSON, whatever they are. */
export function clientOf(url: string, key: string) {
  return async (method: string, path: string, { body, token = key, once }: Sent = {}) => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        authorization: `Bearer ${token}`,
        ...(once ? { 'idempotency-key': once } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
    const text = await answer.text()
    return { status: answer.status, json: text.startsWith('{') ? JSON.parse(text) : null }
  }
}

export type Client = ReturnType<typeof clientOf>

const Registered = z.object({ agent: z.object({ id: z.string() }), token: z.string() })
const Offer = z.object({ id: z.string(), kind: z.string(), task_id: z.string(), attempt: z.int() })
const Inbox = z.object({ items: z.array(z.looseObject({ kind: z.string() })) })

/** A worker without an engine: takes offers and ends them as it is told, over the public API. */
export async function registerWorker(call: Client, name: string, capabilities: string[], capacity = 4) {
  const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
  const { json } = await call('POST', '/agents', { body: { name, engine, capabilities, capacity } })
  const { agent, token } = Registered.parse(json)

  const held = new Map<string, { task_id: string; attempt: number }>()

  /** Says that it lives and what it holds, as workers do; while nobody hears it, it tries again. */
  function beat(every_ms: number) {
    const timer = setInterval(() => {
      const body = { holding: [...held.values()] }
      call('POST', `/agents/${agent.id}/heartbeat`, { body, token }).catch(() => {})
    }, every_ms)
    return () => clearInterval(timer)
  }

  /** Waits for the next offer that still stands, and claims it. */
  async function claim(through: Client = call, within_ms = 20_000) {
    return waitFor(`an offer for ${name}`, within_ms, async () => {
      const { items } = Inbox.parse(
        (await through('GET', `/agents/${agent.id}/inbox?wait=2`, { token })).json,
      )
      const offer = items.map((item) => Offer.safeParse(item).data).find((item) => item?.kind === 'OFFER')
      if (!offer) return null
      const { id, task_id, attempt } = offer
      const { status } = await through('POST', `/tasks/${task_id}/claim`, { body: { attempt }, token })
      await through('POST', `/agents/${agent.id}/inbox/${id}/ack`, { token })
      if (status !== 200) return null
      held.set(task_id, { task_id, attempt })
      return offer
    })
  }

  return { id: agent.id, token, claim, beat, ended: (task_id: string) => held.delete(task_id) }
}
