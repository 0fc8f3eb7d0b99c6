import * as z from 'zod'
import { waitFor } from '#local/wait'

type Sent = { body?: unknown; token?: string }

/** A client of an instance's REST API: status and JSON, whatever they are. */
export function clientOf(url: string) {
  return async (method: string, path: string, { body, token }: Sent = {}) => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
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

  /** Waits for the next offer, and claims it. */
  async function claim(through: Client = call) {
    const offer = await waitFor(`an offer for ${name}`, 20_000, async () => {
      const { items } = Inbox.parse(
        (await through('GET', `/agents/${agent.id}/inbox?wait=2`, { token })).json,
      )
      const found = items.map((item) => Offer.safeParse(item).data).find((item) => item?.kind === 'OFFER')
      return found ?? null
    })
    const { status } = await through('POST', `/tasks/${offer.task_id}/claim`, {
      body: { attempt: offer.attempt },
      token,
    })
    await through('POST', `/agents/${agent.id}/inbox/${offer.id}/ack`, { token })
    if (status !== 200) throw new Error(`The claim was answered ${status}.`)
    return offer
  }

  return { id: agent.id, token, claim }
}
