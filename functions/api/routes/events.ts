import * as z from 'zod'
import type { Actor } from '#core/actor'
import { type Event, eventTypes } from '#core/event/event'
import { awaitEvents, type EventFilter, type EventPage as Page, readEvents } from '#core/event/read'
import { verifyHistory } from '#core/event/verify'
import { readLog } from '#core/session/log'
import { commaList } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { EventPage, Verdict } from '../schemas/event.ts'
import type { ApiServices } from '../services.ts'

const one = '/api/v1/sessions/{id}'
const common = { ...nothing, method: 'get', tag: 'events', params: { id: 'session' } } as const
const after = z.coerce.number().int().min(0).max(1e15).default(0)
const limit = z.coerce.number().int().min(1).max(1_000)

/** What happened: events as JSON or as a short stream, the log as text, the proof of the history. */
export function eventRoutes(api: Api) {
  endpoint(api, {
    ...common,
    name: 'list_events',
    scope: 'sessions:read',
    path: `${one}/events`,
    summary:
      'Events after a seq. With `Accept: text/event-stream` what there is, or the first within `wait` seconds',
    query: z.strictObject({
      after,
      limit: limit.default(100),
      types: commaList(eventTypes),
      wait: z.coerce.number().min(0).max(20).optional(),
    }),
    answer: EventPage,
    media: ['text/event-stream'],
    async run({ services, actor, param, query, request }) {
      const filter = { after: query.after, limit: query.limit, types: query.types ?? null }
      const stream = request.headers.get('accept')?.includes('text/event-stream')
      if (!stream) return nextEvents(services, actor, param('id'), filter, (query.wait ?? 0) * 1_000)
      const last = Number(/^\d{1,15}$/.exec(request.headers.get('last-event-id') ?? '')?.[0] ?? 0)
      const from = { ...filter, after: Math.max(filter.after, last) }
      const page = await nextEvents(services, actor, param('id'), from, (query.wait ?? 20) * 1_000)
      return streamed(page, from.after)
    },
  })
  endpoint(api, {
    ...common,
    name: 'read_log',
    scope: 'sessions:read',
    path: `${one}/log`,
    summary: 'The history as plain text, a page at a time; `Link` names the next one',
    query: z.strictObject({ after, limit: limit.default(1_000) }),
    media: ['text/plain'],
    async run({ services, actor, param, query }) {
      const { text, next_after, last_seq } = await readLog(services, actor, param('id'), query)
      const headers = new Headers({
        'content-type': 'text/plain; charset=utf-8',
        'x-last-seq': String(last_seq),
      })
      const next = `/api/v1/sessions/${param('id')}/log?after=${next_after}&limit=${query.limit}`
      if (next_after < last_seq) headers.set('link', `<${next}>; rel="next"`)
      return new Response(text, { headers })
    },
  })
  endpoint(api, {
    ...common,
    name: 'verify_history',
    scope: 'sessions:read',
    path: `${one}/verify`,
    summary: 'Prove that the history is as it was written',
    answer: Verdict,
    run: ({ services, actor, param }) => verifyHistory(services, actor, param('id')),
  })
}

/** Events of other types are passed by at least this often while one of the wanted is waited for, in ms. */
const passEvery = 2_000

/** The next page that has anything of the wanted types, or an empty one once the wait is over. */
async function nextEvents(
  services: ApiServices,
  actor: Actor,
  id: string,
  filter: EventFilter,
  wait_ms: number,
) {
  const until = Date.now() + wait_ms
  let page = await readEvents(services, actor, id, filter)
  while (page.items.length === 0) {
    const next = { ...filter, after: page.next_after }
    const left = until - Date.now()
    if (page.next_after < page.last_seq) page = await readEvents(services, actor, id, next)
    else if (left <= 0) break
    else page = await awaitEvents(services, actor, id, next, Math.min(left, passEvery))
  }
  return page
}

/** A short answer, since an HTTP API buffers; then it asks to come again, from where it came to. */
function streamed({ items, next_after }: Page, after: number) {
  const place = items.at(-1)?.seq !== next_after && next_after > after ? `id: ${next_after}\n\n` : ''
  const body = `retry: 500\n\n${items.map(message).join('')}${place}`
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } })
}

function message(event: Event) {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}
