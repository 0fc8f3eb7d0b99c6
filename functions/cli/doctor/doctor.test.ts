import { afterEach, describe, expect, test } from 'vitest'
import { wellKnownCapabilities } from '#core/plan/plan'
import { type Answer, json, playApi, problem } from '../fixture/api.ts'
import { lookAtMachine, lookAtModel, lookAtNode } from './machine.ts'
import { lookAtService } from './service.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

const agent = (capabilities: readonly string[], state = 'ONLINE') => ({
  id: 'agt_1',
  name: 'one',
  state,
  capabilities,
  capacity: 2,
  engine: { name: 'opencode', version: '1', model: 'scripted', rehearsal: true },
})

async function look(ready: Answer, agents: unknown[]) {
  const api = await playApi({
    'GET /health': (_asked, response) => json(response, { status: 'ok' }),
    'GET /ready': ready,
    'GET /agents': (_asked, response) => json(response, { items: agents, next_cursor: null }),
  })
  closers.push(api.close)
  const signal = new AbortController().signal
  const found = await lookAtService({ base: api.base, timeout_ms: 2_000, retry_ms: [], signal }, Date.now)
  return Object.fromEntries(found.map(({ name, status, detail }) => [name.trim(), `${status}: ${detail}`]))
}

const dependencies = { postgres: { ok: true, latency_ms: 3 }, redis: { ok: true, latency_ms: 1 } }
const well: Answer = (_asked, response) => json(response, { status: 'ready', dependencies })

describe('doctor', () => {
  test('finds nothing wrong with a whole fleet', async () => {
    const found = await look(well, [agent(wellKnownCapabilities)])
    expect(found).toMatchObject({
      postgres: 'ok: 3 ms',
      agents: 'ok: 1 online, 2 slots, 1 of them in rehearsal',
      capabilities: 'ok: every well-known one is served',
    })
  })

  test('names the dependency that is away', async () => {
    const away = { ...dependencies, redis: { ok: false, error: 'refused' } }
    const found = await look(
      (_asked, response) => problem(response, 503, { title: 'Not ready', dependencies: away }),
      [],
    )
    expect(found).toMatchObject({ redis: 'warning: refused', postgres: 'ok: 3 ms' })
    expect(found.ready).toMatch(/^missing/)
  })

  test('a capability without which nothing completes is missing, another one a warning', async () => {
    expect((await look(well, [agent(['CODE_GENERATION', 'INTEGRATION'])])).capabilities).toMatch(
      /^missing: .*PLANNING/,
    )
    const found = await look(well, [agent(['PLANNING', 'CODE_GENERATION', 'INTEGRATION'])])
    expect(found.capabilities).toMatch(/^warning: .*TESTING/)
  })

  test('an agent that is offline does not count', async () => {
    expect((await look(well, [agent(wellKnownCapabilities, 'OFFLINE')])).agents).toBe(
      'missing: none is online',
    )
  })

  test('an API that is not there has a remedy', async () => {
    const signal = new AbortController().signal
    const api = { base: 'http://127.0.0.1:9/api/v1', timeout_ms: 2_000, retry_ms: [], signal }
    const [found] = await lookAtService(api, Date.now)
    expect(found).toMatchObject({
      name: 'api',
      status: 'missing',
      remedy: expect.stringContaining('npm start'),
    })
  })

  test('names provider keys and never shows them', () => {
    const found = lookAtModel({ OPENAI_API_KEY: 'sk-secret', HOME: '/nowhere' })
    expect(found).toMatchObject({ status: 'ok', detail: expect.stringContaining('OPENAI_API_KEY') })
    expect(JSON.stringify(found)).not.toContain('sk-secret')
    expect(lookAtModel({ HOME: '/nowhere' })).toMatchObject({
      status: 'warning',
      remedy: expect.stringContaining('ANTHROPIC_API_KEY'),
    })
  })

  test('an old Node and a command that is not there are missing', async () => {
    expect([lookAtNode('18.20.0').status, lookAtNode('20.19.0').status]).toEqual(['missing', 'ok'])
    const found = await lookAtMachine({ PATH: '/nowhere', HOME: '/nowhere' }, 5_000, 'no-opencode')
    const git = found.find(({ name }) => name === 'git')
    expect(git).toMatchObject({ status: 'missing', detail: 'there is no git on the PATH' })
    expect(found.find(({ name }) => name === 'opencode')?.status).toBe('missing')
  })
})
