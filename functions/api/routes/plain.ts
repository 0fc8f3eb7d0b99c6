import { defaultTenant } from '#core/actor'
import { OrchestratorError } from '#core/error'
import { readFleetFacts } from '#core/fleet/facts'
import { assertMayScrape } from '../../metrics/scraped.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { Health, Ready } from '../schemas/plain.ts'
import type { Dependency } from '../services.ts'

/** Longer than this is away, in ms. */
const lookDeadlineMs = 2_000

const common = { ...nothing, scope: 'public', method: 'get', tag: 'plain' } as const

/** Whether this process lives, and whether what it needs answers. */
export function plainRoutes(api: Api) {
  endpoint(api, {
    ...common,
    name: 'health',
    path: '/health',
    summary: 'This process lives',
    answer: Health,
    run: async () => ({ status: 'ok' as const }),
  })
  endpoint(api, {
    ...common,
    name: 'ready',
    path: '/ready',
    summary: 'Each dependency with its latency; 503 when one it cannot do without is away',
    answer: Ready,
    run: async ({ services }) => {
      const looked = await Promise.all(
        Object.entries(services.dependencies).map(async ([name, it]) => [name, await look(it)] as const),
      )
      const dependencies = Object.fromEntries(
        looked.map(([name, { required: _, ...found }]) => [name, found]),
      )
      const away = looked.filter(([, { ok }]) => !ok)
      const missing = away.filter(([, { required }]) => required).map(([name]) => name)
      const status: 'ok' | 'degraded' = away.length > 0 ? 'degraded' : 'ok'
      if (missing.length === 0) return { status, dependencies }
      const verb = missing.length > 1 ? 'are' : 'is'
      throw new OrchestratorError('dependency_unavailable', `${missing.join(' and ')} ${verb} away.`, {
        details: { dependencies },
      })
    },
  })
  endpoint(api, {
    ...common,
    name: 'metrics',
    path: '/metrics',
    summary:
      'What Prometheus collects, of the whole fleet; with the bearer token METRICS_TOKEN where one is set',
    media: ['text/plain'],
    async run({ services: { database, scraped }, request }) {
      assertMayScrape(scraped.access, request.headers.get('authorization') ?? undefined)
      const facts = await readFleetFacts(database, defaultTenant)
      const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }
      return new Response(await scraped.render(facts), { headers })
    },
  })
}

async function look({ required, look }: Dependency) {
  const began = performance.now()
  const signal = AbortSignal.timeout(lookDeadlineMs)
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`no answer in ${lookDeadlineMs} ms`)), {
      once: true,
    })
  })
  const took = () => Math.round((performance.now() - began) * 10) / 10
  try {
    await Promise.race([look(signal), late])
    return { required, ok: true, latency_ms: took(), error: null }
  } catch (error) {
    const reason = error instanceof Error ? error.message || error.name : String(error)
    return { required, ok: false, latency_ms: took(), error: reason }
  }
}
