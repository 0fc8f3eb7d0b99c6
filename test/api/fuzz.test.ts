import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { arbitraryOf, hostile, nearly } from './arbitrary.ts'
import { type Operation, readContract } from './contract.ts'
import { openApi, type Sent } from './open.ts'
import { makeSamples } from './samples.ts'

/** `FUZZ_REQUESTS` and `FUZZ_SEED` ask for more, or for the same again. */
const requests = Number(process.env.FUZZ_REQUESTS ?? 2_000)
/** The same requests each time, so that a change is judged by what it changed; `FUZZ_SEED` tries others. */
const seed = Number(process.env.FUZZ_SEED ?? 20261122)
/** At once, so that they meet each other. */
const lanes = 4
const settleEvery = 100

const opened = await openApi()
const { call, plant, services } = opened
// It changes the rate, too, and would meet nothing but its limit from then on.
services.limiter = { take: async () => null }
const { operations, schemas, faultsOf } = await readContract(call)
const samples = makeSamples(opened)

/** What is there, by the prefix of its ids; and who holds which task. */
type World = { ids: Record<string, string[]>; held: Held[] }
type Held = { token: string; agent_id: string; task_id: string; item: string }

const world: World = { ids: {}, held: [] }

async function look() {
  const rows = await plant.engine.query<{ prefix: string; ids: string[] }>(null, {
    name: 'fuzz_world',
    // The key that it calls with is the first: it is not to be revoked.
    text: ['session', 'task', 'agent', 'approval', 'artifact', 'inbox']
      .map((table) => `(select left(id, 4) as prefix, array_agg(id) as ids from ${table} group by 1)`)
      .concat(
        `(select 'key_', array_agg(id) from (select id from api_key order by id offset 1) k having count(*) > 0)`,
      )
      .join(' union all '),
    values: [],
  })
  world.ids = Object.fromEntries(rows.map(({ prefix, ids }) => [prefix, ids.sort()]))
}

async function plantHolders() {
  for (let n = 0; n < 12; n++) {
    const { target, sent } = await (n % 3 === 0 ? samples.read_inbox() : samples.report_events())
    const task_id = target.split('/')[4] ?? ''
    const token = sent?.token ?? ''
    const agent_id = n % 3 === 0 ? task_id : ''
    world.held.push({ token, agent_id, task_id, item: '' })
  }
  for (const make of [samples.read_artifact, samples.read_approval, samples.put_context]) await make()
  const holders = await plant.engine.query<Held>(null, {
    name: 'fuzz_holders',
    text: `select t.id as task_id, t.agent_id, coalesce((select i.id from inbox i where i.agent_id = t.agent_id limit 1), '') as item
           from task t where t.agent_id is not null`,
    values: [],
  })
  world.held = world.held.map((held) => {
    const own = holders.find(
      ({ task_id, agent_id }) => task_id === held.task_id || agent_id === held.agent_id,
    )
    return { ...held, ...own }
  })
}

/** One of what is there when it is asked for, by a number: the same number is the same choice again. */
const idOf = (prefix: string, place: number) => {
  const ids = world.ids[prefix] ?? []
  return ids[place % Math.max(1, ids.length)] ?? `${prefix}00000000000000000000000000`
}
const known = (pattern: string) => {
  const prefix = /^\^([a-z]{3}_)\[/.exec(pattern)?.[1]
  return prefix ? fc.nat().map((place) => `@${prefix}${place}`) : null
}
/** Ids stand in generated values as `@ses_7`, until they are sent. */
const placed = (text: string) =>
  text.replaceAll(/@([a-z]{3}_)(\d+)/g, (_all, prefix: string, place: string) => idOf(prefix, Number(place)))

const prefixOf: Record<string, string> = {
  sessions: 'ses_',
  tasks: 'tsk_',
  agents: 'agt_',
  approvals: 'apr_',
  artifacts: 'art_',
  inbox: 'inb_',
  keys: 'key_',
}
const asText = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

/** A part of a path: something that is there, as a rule. */
function partOf(before: string, name: string): fc.Arbitrary<string> {
  const prefix = prefixOf[before]
  const right = prefix
    ? fc.nat().map((place) => `@${prefix}${place}`)
    : name === 'number'
      ? fc.integer({ min: 1, max: 4 }).map(String)
      : name === 'scope'
        ? fc.constantFrom('GLOBAL', 'SESSION', 'TASK')
        : name === 'id'
          ? fc.oneof(
              fc.constant('-'),
              fc.nat().map((place) => `@ses_${place}`),
              fc.nat().map((place) => `@tsk_${place}`),
            )
          : fc.constantFrom('style', 'a.b', 'sample-1')
  const wrong = hostile
    .map(asText)
    .map((text) => encodeURIComponent(text.toWellFormed().slice(0, 500)) || 'x')
  return fc.oneof({ weight: 9, arbitrary: right }, { weight: 1, arbitrary: wrong })
}

function targetOf({ path, parameters }: Operation): fc.Arbitrary<string> {
  const parts = path.split('/')
  const made = parts.map((part, i) =>
    part.startsWith('{') ? partOf(parts[i - 1] ?? '', part.slice(1, -1)) : fc.constant(part),
  )
  const query = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, schema }) => fc.tuple(fc.constant(name), queryValue(name, schema)))
  const chosen = query.length > 0 ? fc.subarray(query).chain((some) => fc.tuple(...some)) : fc.constant([])
  return fc.tuple(fc.tuple(...made), chosen).map(([path, some]) => {
    const text = some.map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`).join('&')
    return `${path.join('/')}${text && `?${text}`}`
  })
}

/** Nobody waits here: a wait is short, or refused. */
function queryValue(name: string, schema: Record<string, unknown>): fc.Arbitrary<string> {
  if (name === 'wait') return fc.constantFrom('0', '0.01', '-1', '21', 'x')
  const right = arbitraryOf(schemas, schema, known).map(asText)
  const listed = fc.constantFrom('RUNNING', 'QUEUED,PENDING', 'READY', 'HIGH', 'OPEN', 'log', '')
  return fc.oneof(
    { weight: 6, arbitrary: right },
    { weight: 2, arbitrary: listed },
    { weight: 1, arbitrary: hostile.map(asText) },
  )
}

const headersOf = fc.record(
  {
    'idempotency-key': fc.oneof(fc.constantFrom('one', 'two', 'a b', ''), fc.uuid()),
    'if-match': fc.constantFrom('"1"', '"2"', '*', '"999999999999999"', 'W/"1"', 'x', ''),
    'x-request-id': fc.constantFrom('mine', 'a b', 'x'.repeat(500)),
    'content-type': fc.constantFrom('application/json', 'application/merge-patch+json', 'text/plain', ''),
    accept: fc.constantFrom('*/*', 'text/event-stream', 'text/html'),
    'last-event-id': fc.constantFrom('0', '99999999999999999999', '-1', 'x'),
    authorization: fc.constantFrom('Bearer', 'Bearer x', 'Basic eDp4', 'Bearer oio_agent_x'),
  },
  { requiredKeys: [] },
)

type Request = {
  operation: Operation
  target: string
  body: string | undefined
  headers: Record<string, string | undefined>
  holder: number
  /** Whose token comes with it: its holder's as a rule, where agents call. */
  agent: boolean
}

function requestOf(operation: Operation): fc.Arbitrary<Request> {
  const right = operation.body ? arbitraryOf(schemas, operation.body, known) : fc.constant({})
  const written = (value: unknown) => JSON.stringify(value) ?? ''
  const body = fc.oneof(
    { weight: 5, arbitrary: right.map(written) },
    { weight: 4, arbitrary: nearly(right).map(written) },
    { weight: 1, arbitrary: hostile.map(written) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  )
  const sends = operation.body !== null
  return fc.record({
    operation: fc.constant(operation),
    target: targetOf(operation),
    body: sends
      ? fc.option(body, { nil: undefined, freq: 20 })
      : fc.option(body, { nil: undefined, freq: 2 }),
    headers: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 2, arbitrary: headersOf }),
    holder: fc.nat(),
    agent: operation.worker
      ? fc.oneof({ weight: 12, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) })
      : fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  })
}

/** A worker asks for what is its own, as a rule: the fence is behind that. */
function owned({ target, operation, holder, agent }: Request) {
  const held = world.held[holder % Math.max(1, world.held.length)]
  if (!agent || !held) return { target, token: undefined }
  const own = target
    .replace(/^(\/api\/v1\/tasks\/)@tsk_\d*[02468](?=\/)/, `$1${held.task_id}`)
    .replace(/^(\/api\/v1\/agents\/)@agt_\d*[0-8](?=\/)/, `$1${held.agent_id}`)
    .replace(/@inb_\d*[0-4](?=\/)/, held.item || '@inb_0')
  return { target: operation.worker ? own : target, token: held.token }
}

async function send(request: Request) {
  const { operation, body, headers } = request
  const { target, token } = owned(request)
  const set: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) set[name] = value
  // A stream waits for events unless it is told not to.
  const patient = set.accept === 'text/event-stream' && !target.includes('wait=')
  const sent: Sent = {
    headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...set },
    ...(body === undefined ? {} : { raw: placed(body) }),
  }
  const to = placed(target) + (patient ? `${target.includes('?') ? '&' : '?'}wait=0` : '')
  const answer = await call(operation.method, to, sent)
  // A slash that was encoded makes another path of it, which is no operation's or another one's.
  const elsewhere = answer.status === 405 && /%2f/i.test(to)
  const faults = elsewhere ? [] : faultsOf(operation, answer)
  if (answer.status >= 500) faults.push(`${answer.status} ${answer.text.slice(0, 300)}`)
  return { answer, faults, said: `${operation.method} ${to} ${JSON.stringify(sent).slice(0, 600)}` }
}

const claim = `${requests} requests, right, nearly right and hostile, meet no 5xx and nothing that is not documented`

test(
  claim,
  async () => {
    await plantHolders()
    await look()
    const all = fc.sample(fc.constantFrom(...operations).chain(requestOf), { numRuns: requests, seed })
    const statuses = new Map<number, number>()
    const faults = new Map<string, string>()
    let next = 0
    async function lane() {
      for (let request = all[next++]; request; request = all[next++]) {
        if (next % settleEvery === 0) await plant.settle().then(look)
        const { answer, faults: found, said } = await send(request)
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        for (const fault of found) {
          const key = `${request.operation.operationId}: ${fault.replaceAll(/\w{3}_[0-9A-Z]{26}|\d{4,}/g, '…').slice(0, 160)}`
          if (!faults.has(key)) faults.set(key, said)
        }
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    const told = [...faults].slice(0, 20).map(([fault, said]) => `${fault}\n    ${said}`)
    expect(told, `FUZZ_SEED=${seed}`).toEqual([])
    // A fuzz that only meets refusals tests nothing else.
    const good = [...statuses].filter(([status]) => status < 300).reduce((sum, [, count]) => sum + count, 0)
    expect(good / requests).toBeGreaterThan(0.15)
  },
  30_000 + requests * 40,
)
