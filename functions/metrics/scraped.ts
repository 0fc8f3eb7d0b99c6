import { timingSafeEqual } from 'node:crypto'
import type { Redis } from 'ioredis'
import { OrchestratorError } from '#core/error'
import type { FleetFacts } from '#core/fleet/facts'
import type { LookAtQueue } from '#core/fleet/queues'

/** Who may read /metrics: everybody where it is `public`, else who brings the token; nobody while that is empty. */
export type Access = { access: 'public' | 'token'; token: string }

/** What a scrape is made of besides the facts. */
export type Scraped = {
  access: Access
  render: (facts: FleetFacts) => Promise<string>
}

export function scrapedOf(given: {
  redis: Redis
  steps: LookAtQueue
  broadcast: LookAtQueue
  access: Access
}): Scraped {
  const { redis, steps, broadcast, access } = given
  return {
    access,
    async render(facts) {
      // Most instances are never asked: the renderer is loaded by those that are.
      const [{ readMeasured }, { renderMetrics }] = await Promise.all([
        import('./measured.ts'),
        import('./render.ts'),
      ])
      const [measured, ofSteps, ofBroadcast] = await Promise.all([readMeasured(redis), steps(), broadcast()])
      return renderMetrics(facts, { steps: ofSteps, broadcast: ofBroadcast }, measured)
    },
  }
}

/** @throws unauthorized, with what is to be set where nothing is */
export function assertMayScrape({ access, token }: Access, authorization: string | undefined) {
  if (access === 'public') return
  if (token === '')
    throw new OrchestratorError(
      'unauthorized',
      'Metrics need a token: set METRICS_TOKEN, and send it as bearer.',
    )
  const given = Buffer.from(authorization ?? '')
  const wanted = Buffer.from(`Bearer ${token}`)
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return
  throw new OrchestratorError('unauthorized', 'Metrics need the token of METRICS_TOKEN as bearer.')
}
