import * as z from 'zod'
import { wellKnownCapabilities } from '#core/plan/plan'
import { type Api, call } from '../api/client.ts'
import { Problem, reasonOf } from '../api/errors.ts'
import { AgentView, listOf } from '../api/records.ts'
import { type Finding, missing, ok, warning } from './finding.ts'

/** Without these no session can be planned, done and integrated. */
const needed: readonly string[] = ['PLANNING', 'CODE_GENERATION', 'INTEGRATION']

const Dependency = z.looseObject({
  ok: z.boolean().optional(),
  status: z.string().optional(),
  latency_ms: z.number().nullish(),
  error: z.string().nullish(),
})
const Ready = z.looseObject({ dependencies: z.record(z.string(), Dependency).optional() })

/** The API, what it depends on, and the agents that are online. */
export async function lookAtService(api: Api, now: () => number): Promise<Finding[]> {
  const root: Api = { ...api, base: api.base.replace(/\/api\/v1$/, '') }
  const began = now()
  try {
    await call(root, z.unknown(), '/health')
  } catch (error) {
    if (error instanceof Problem)
      return [missing('api', `${api.base} answers ${error.message}`, 'Check --api.')]
    const remedy = 'Start it with `npm start`, or say where it is with --api or ORCHESTRATOR_API_URL.'
    return [missing('api', `${api.base}: ${reasonOf(error)}`, remedy)]
  }
  const health = ok('api', `${api.base} (${now() - began} ms)`)
  return [health, ...(await lookAtDependencies(root)), ...(await lookAtAgents(api))]
}

async function lookAtDependencies(root: Api): Promise<Finding[]> {
  try {
    const { value } = await call(root, Ready, '/ready')
    return [ok('ready', 'it can take work'), ...dependencies(value)]
  } catch (error) {
    const remedy = 'Look at the log of `npm start`, and at DATABASE_URL, REDIS_URL and AWS_ENDPOINT_URL.'
    const answer = error instanceof Problem ? Ready.safeParse(error.raw) : undefined
    const parts = answer?.success ? dependencies(answer.data) : []
    return [missing('ready', `not ready: ${reasonOf(error)}`, remedy), ...parts]
  }
}

function dependencies({ dependencies: found = {} }: z.infer<typeof Ready>): Finding[] {
  return Object.entries(found).map(([name, { ok: well, status, latency_ms, error }]) => {
    const fine = well ?? ['ok', 'up'].includes(status ?? '')
    if (fine) return ok(`  ${name}`, typeof latency_ms === 'number' ? `${latency_ms} ms` : 'ok')
    const why = error ?? status ?? 'away'
    return warning(`  ${name}`, why, `Start ${name}, or correct its address; work waits until it is back.`)
  })
}

async function lookAtAgents(api: Api): Promise<Finding[]> {
  const remedy = 'Start one: npx orchestrator agent start'
  try {
    const { value } = await call(api, listOf(AgentView), '/agents', { query: { limit: 100 } })
    const online = value.items.filter(({ state }) => state === 'ONLINE')
    if (online.length === 0) return [missing('agents', 'none is online', remedy)]
    const scripted = online.filter(({ engine }) => engine?.rehearsal).length
    const slots = online.reduce((sum, { capacity }) => sum + capacity, 0)
    const note = scripted > 0 ? `, ${scripted} of them in rehearsal` : ''
    const agents = ok('agents', `${online.length} online, ${slots} slots${note}`)
    return [agents, capabilities(new Set(online.flatMap((agent) => agent.capabilities)))]
  } catch (error) {
    if (error instanceof Problem && error.status === 401) {
      const set = 'Set ORCHESTRATOR_API_KEY, or ORCHESTRATOR_DATA to the data folder of npm start.'
      return [missing('key', api.key ? 'it is not let in' : 'there is none', set)]
    }
    return [missing('agents', `cannot be listed: ${reasonOf(error)}`, remedy)]
  }
}

function capabilities(served: Set<string>): Finding {
  const unserved = wellKnownCapabilities.filter((name) => !served.has(name))
  if (unserved.length === 0) return ok('capabilities', 'every well-known one is served')
  const judge = unserved.some((name) => needed.includes(name)) ? missing : warning
  const list = unserved.join(',')
  return judge(
    'capabilities',
    `no agent online serves ${list}`,
    `Start one: npx orchestrator agent start --capabilities ${list}`,
  )
}
