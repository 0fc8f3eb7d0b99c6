import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { defaultTenant } from '#core/actor'
import { registerAgent } from '#core/agent/register'
import { scopes as scopeNames } from '#core/key/scope'
import { everything } from '../everything.ts'
import { operatorOf } from '../plant.ts'
import { admin } from '../services.ts'
import { openApi, Problem, plan } from './open.ts'
import { ArtifactMade, Inbox, Session } from './shapes.ts'

const { call, keyOf, letters, plant, services, url } = await openApi()
const api = '/api/v1'

/** In every text of the tenant that is walked on, and in no other. */
const secret = 'vaultword'
const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
const stranger = 'ten_00000000000000000000000001'
await admin(url, `insert into tenant (id, name) values ('${stranger}', 'other')`)
const key = (await keyOf(['admin'], stranger)).token
const registration = { name: 'same', engine, capabilities: ['CODE_GENERATION'], capacity: 4, labels: [] }
const spy = await registerAgent(services, operatorOf(stranger), { ...registration, name: 'spy' })

/** One of everything, of the default tenant. */
const holder = await plant.register('same', ['CODE_GENERATION'])
const goal = { title: secret, prompt: secret, plan, approval_policy: { mode: 'ask' }, labels: [secret] }
const made = await call('POST', `${api}/sessions`, { body: { ...goal, start: true } })
const session = Session.parse(made.json).id
await plant.settle()
const inbox = await call('GET', `${api}/agents/${holder.agent.id}/inbox`, { token: holder.token })
const [offer] = Inbox.parse(inbox.json).items
const task = offer?.task_id ?? ''
const own = { token: holder.token }
await call('POST', `${api}/tasks/${task}/claim`, { body: { attempt: 1 }, ...own })
const line = { stream: 'text' as const, text: secret }
const log = { type: 'log', at: new Date(0).toISOString(), data: line }
await call('POST', `${api}/tasks/${task}/events`, { body: { attempt: 1, batch: 1, events: [log] }, ...own })
await call('POST', `${api}/sessions/${session}/messages`, { body: { text: secret } })
const questions = {
  attempt: 1,
  engine_ref: 'q',
  kind: 'QUESTION',
  asked: { questions: [{ question: secret }] },
}
const asked = await call('POST', `${api}/tasks/${task}/approvals`, { body: questions, ...own })
const approval = z.object({ approval_id: z.string() }).parse(asked.json).approval_id
const patch = { task_id: task, attempt: 1, kind: 'patch', size: 1 }
const artifact = ArtifactMade.parse((await call('POST', `${api}/artifacts`, { body: patch, ...own })).json).id
for (const place of ['GLOBAL/-', `SESSION/${session}`, `TASK/${task}`])
  await call('PUT', `${api}/contexts/${place}/word`, { body: { value: secret } })
const theirs = await keyOf(['admin'])
const Hook = z.object({ webhook: z.object({ id: z.string() }) })
const hook = { url: 'https://hooks.example.com/', description: secret }
const webhook = Hook.parse((await call('POST', `${api}/webhooks`, { body: hook })).json).webhook.id
const pinged = await call('POST', `${api}/webhooks/${webhook}/ping`)
const delivery = z.object({ id: z.string() }).parse(pinged.json).id
// Their store is DynamoDB; test/live walks over sockets.
services.tickets = {
  ...services.tickets,
  issue: async () => ({ ticket: 'none', expires_at: new Date(0).toISOString() }),
}

const theirWake = { kind: 'session', tenant_id: defaultTenant, session_id: session, request_id: secret }
const letter = {
  ...{
    id: '5ea1ed00-0000-4000-8000-000000000001',
    queue: 'steps' as const,
    receives: 5,
    sent_at: new Date(0).toISOString(),
  },
  body: JSON.stringify(theirWake),
}
letters.push(letter)

/** What stands in a path, by the noun before it; a route of a new noun has to name one here. */
const victims: Record<string, string> = {
  sessions: session,
  tasks: task,
  approvals: approval,
  agents: holder.agent.id,
  artifacts: artifact,
  keys: theirs.key.id,
  webhooks: webhook,
  'dead-letters': letter.id,
  deliveries: delivery,
  inbox: offer?.id ?? '',
  checkpoints: '1',
}
const places = [
  { scope: 'GLOBAL', id: '-' },
  { scope: 'SESSION', id: session },
  { scope: 'TASK', id: task },
]

const ended = {
  ...{ attempt: 1, batch: 1, summary: '', commit: null, base_commit: null },
  ...{ artifact_id: null, patch_artifact_id: null, diff: null },
}
/** What each route takes, as it would be right; a new one has to say so here. */
const bodies: Record<string, unknown> = {
  create_session: { title: 'x', prompt: 'x' },
  update_session: { title: 'taken' },
  fork_session: { checkpoint: 1 },
  send_message: { text: 'taken' },
  claim_task: { attempt: 1 },
  decline_task: { attempt: 1, reason: 'taken' },
  report_events: { attempt: 1, batch: 2, events: [log] },
  checkpoint_task: { attempt: 1, trigger: 'PERIODIC', artifact_id: null, commit: null, engine: {}, size: 0 },
  add_subtasks: { attempt: 1, tasks: [{ ...plan.tasks[0], key: 'taken' }] },
  complete_task: ended,
  fail_task: { attempt: 1, batch: 1, code: 'check_failed', message: 'taken', retryable: true },
  release_task: { attempt: 1, batch: 1, reason: 'pause' },
  answer_approval: { answer: 'reply', text: 'taken' },
  request_approval: questions,
  register_agent: registration,
  heartbeat: { holding: [{ task_id: task, attempt: 1 }], repositories: [] },
  create_artifact: patch,
  put_context: { value: 'taken' },
  patch_context: { taken: true },
  create_key: { name: 'x', scopes: ['admin'] },
  update_tenant: { name: 'taken' },
  create_webhook: { url: 'https://taken.example' },
  update_webhook: { description: 'taken' },
  rotate_webhook: {},
}

const Operation = z.looseObject({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  requestBody: z.unknown().optional(),
})
const Document = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), Operation)) })
const document = Document.parse((await call('GET', '/openapi.json')).json)
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    path,
    method: method.toUpperCase(),
    ...operation,
  })),
)
const routes = operations.filter(({ security }) => security.length > 0)

/** The path with what is the other tenant's in it: all of the places where it names one. */
function pathsOf(path: string) {
  if (path.includes('{scope}'))
    return places.map(({ scope, id }) =>
      path.replace('{scope}', scope).replace('{id}', id).replace('{key}', 'word'),
    )
  return [
    path.replaceAll(/([\w-]+)\/\{(\w+)\}/g, (_, noun: string) => {
      const victim = victims[noun]
      if (!victim)
        throw new Error(`${path}: the walk has nothing for ${noun}; give it one of the other tenant`)
      return `${noun}/${victim}`
    }),
  ]
}

function bodyOf({ operationId, requestBody }: (typeof operations)[number]) {
  if (requestBody === undefined) return {}
  if (!(operationId in bodies)) throw new Error(`${operationId}: say in \`bodies\` what it takes`)
  return { body: bodies[operationId] }
}

/** Agents act as themselves: their own path, and the other tenant's things in what they send. */
const asSpy = (path: string) => path.replace(`/agents/${holder.agent.id}`, `/agents/${spy.agent.id}`)

/** Whose calls: a key that may do everything, and an agent of its own. */
const calls = routes.flatMap((route) =>
  pathsOf(route.path).flatMap((path) => {
    const tokens = route.security.flatMap((kind) => ('agent' in kind ? [spy.token] : [key]))
    const paths = 'agent' in (route.security[0] ?? {}) ? [path, asSpy(path)] : [path]
    return tokens.flatMap((token) => paths.map((target) => ({ ...route, path: target, token })))
  }),
)

/** The rows of the tenant that is walked on. */
async function vault() {
  const rows = await everything(plant.engine)
  const Row = z.looseObject({ tenant_id: z.string().optional(), id: z.unknown().optional() })
  return Object.entries(rows).map(([table, list]) => [
    table,
    z
      .array(Row)
      .nullable()
      .parse(list)
      ?.filter((row) => (row.tenant_id ?? row.id) === defaultTenant),
  ])
}

const ids = [...Object.values(victims).filter((id) => id.length > 1), defaultTenant, secret]
const nothingOf = (text: string, sent: string) => ids.filter((id) => text.includes(id) && !sent.includes(id))

describe("with another tenant's key or token", () => {
  test('every route shows nothing and changes nothing', async () => {
    const before = await vault()
    expect(JSON.stringify(before)).toContain(secret)
    const wrong: string[] = []
    for (const route of calls) {
      const { method, path, token } = route
      const sent = { ...bodyOf(route), token }
      const answer = await call(method, path, sent)
      const what = `${method} ${path} → ${answer.status}`
      if (answer.status >= 500 || [400, 401].includes(answer.status)) wrong.push(what)
      // What it sent itself it may hear again, as in the `instance` of a problem.
      const leaked = nothingOf(answer.text + JSON.stringify(answer.headers), path + JSON.stringify(sent))
      if (leaked.length > 0) wrong.push(`${what} shows ${leaked}`)
    }
    expect(wrong).toEqual([])
    expect(await vault()).toEqual(before)
  }, 60_000)

  test('what has an id is not found', async () => {
    const found: string[] = []
    for (const { method, path, token, ...route } of calls) {
      if (!ids.some((id) => path.includes(id))) continue
      const answer = await call(method, path, { ...bodyOf({ method, path, ...route }), token })
      // A path that names an agent is refused before it is looked at; an item that is not there is taken off already.
      const expected = path.includes(holder.agent.id) && token === spy.token ? 403 : 404
      const done = path.startsWith(`${api}/agents/${spy.agent.id}`) && answer.status === 204
      if (answer.status !== expected && !done) found.push(`${method} ${path} → ${answer.status}`)
    }
    expect(found).toEqual([])
  }, 60_000)

  test('lists that are asked for what is the other tenant’s are empty', async () => {
    for (const query of [
      `sessions?label=${secret}`,
      `sessions?q=${secret}`,
      `approvals?session_id=${session}`,
      'tasks',
      'tasks/trees',
      'needs',
      'contexts/GLOBAL/-',
    ]) {
      const answer = await call('GET', `${api}/${query}`, { token: key })
      const { items } = z.object({ items: z.array(z.looseObject({})) }).parse(answer.json)
      expect(JSON.stringify(items), query).not.toContain(secret)
      if (query.includes('=')) expect(items, query).toEqual([])
    }
  })
})

test('another agent of the same tenant changes nothing of a task that it does not hold', async () => {
  const neighbour = await plant.register('neighbour', ['CODE_GENERATION'])
  const before = await everything(plant.engine)
  for (const route of routes) {
    if (route.security.some((kind) => 'key' in kind)) continue
    for (const path of pathsOf(route.path)) {
      const answer = await call(route.method, path, { ...bodyOf(route), token: neighbour.token })
      expect([403, 409], `${route.method} ${path} → ${answer.status}`).toContain(answer.status)
    }
  }
  expect(await everything(plant.engine)).toEqual(before)
})

test('the same reads by its own key find it: the walk looks where something is', async () => {
  const reads = routes.filter(
    ({ method, security }) => method === 'GET' && security.some((kind) => 'key' in kind),
  )
  for (const { path } of reads)
    for (const target of pathsOf(path)) {
      const answer = await call('GET', target)
      expect(answer.status, target).toBe(200)
    }
})

test('every route but the plain ones asks who calls', async () => {
  const open = operations.filter(({ security }) => security.length === 0).map(({ path }) => path)
  expect(open.sort()).toEqual(['/health', '/metrics', '/ready'])
  for (const route of routes)
    for (const path of pathsOf(route.path)) {
      const answer = await call(route.method, path, { ...bodyOf(route), token: null })
      expect(Problem.parse(answer.json), `${route.method} ${path}`).toMatchObject({
        status: 401,
        code: 'unauthorized',
      })
    }
})

test('every route refuses a key of all other scopes, by the name of the one that it needs', async () => {
  const all = scopeNames.filter((scope) => scope !== 'admin')
  for (const route of routes) {
    const [needed] = route.security.flatMap((kind) => kind.key ?? [])
    if (needed === undefined) continue
    const { token } = await keyOf(all.filter((scope) => scope !== needed))
    for (const path of pathsOf(route.path)) {
      const answer = await call(route.method, path, { ...bodyOf(route), token })
      expect(answer.json, `${route.method} ${path}`).toMatchObject({ status: 403, required_scope: needed })
    }
  }
})
