import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { everything } from '../everything.ts'
import { goal, openApi, Problem, plan, type Sent } from './open.ts'
import { Inbox, Session } from './shapes.ts'

const { call, plant } = await openApi()
const api = '/api/v1'
const sessions = `${api}/sessions`

const create = async (body: object) => Session.parse((await call('POST', sessions, { body })).json).id

/** The task that the agent was offered last, claimed at its first attempt. */
async function claimed({ worker, token }: Awaited<ReturnType<typeof plant.register>>) {
  const inbox = await call('GET', `${api}/agents/${worker.agent_id}/inbox`, { token })
  const id = Inbox.parse(inbox.json).items.at(-1)?.task_id ?? ''
  await call('POST', `${api}/tasks/${id}/claim`, { body: { attempt: 1 }, token })
  return id
}

const holder = await plant.register('holder', ['CODE_GENERATION'])
const running = await create({ ...goal, plan, approval_policy: { mode: 'ask' }, start: true })
await plant.settle()
const held = await claimed(holder)
const planner = await plant.register('planner', ['PLANNING'])
await create({ ...goal, budget: { tasks: 2 }, start: true })
await plant.settle()
const planning = await claimed(planner)
const pending = await create(goal)
const stopped = await create(goal)
await call('POST', `${sessions}/${stopped}/stop`)
await plant.settle()
const entry = `${api}/contexts/GLOBAL/-/style`
for (const value of ['tabs', 'spaces'])
  await call('PUT', entry, {
    body: { value, strategy: 'REJECT' },
    headers: value === 'tabs' ? {} : { 'if-match': '"1"' },
  })
const asked = await call('POST', `${api}/tasks/${held}/approvals`, {
  body: { attempt: 1, engine_ref: 'q', kind: 'QUESTION', asked: { questions: [{ question: 'Which?' }] } },
  token: holder.token,
})

const approval = z.object({ approval_id: z.string() }).parse(asked.json).approval_id

const task = (key: string, ...depends_on: string[]) => ({ ...plan.tasks[0], key, depends_on })
const planned = (...tasks: object[]): Sent => ({ body: { ...goal, plan: { tasks } } })
const ended = {
  ...{ attempt: 1, batch: 0, summary: '', commit: null, base_commit: null },
  ...{ artifact_id: null, patch_artifact_id: null, diff: null },
}
const log = { type: 'log', at: new Date(0).toISOString(), data: { stream: 'text', text: 'x' } }
const snapshot = { trigger: 'PERIODIC', artifact_id: null, commit: null, engine: {}, size: 0 }
const ask = { engine_ref: 'r', kind: 'PERMISSION', asked: { tool: 'bash', patterns: ['ls'] } }
const artifact = { task_id: held, kind: 'patch', size: 1 }

/** What a worker says of an attempt: each call, but for its number. */
const said: [what: string, path: string, body: object][] = [
  ['claim', `/tasks/${held}/claim`, {}],
  ['decline', `/tasks/${held}/decline`, { reason: 'no' }],
  ['events', `/tasks/${held}/events`, { batch: 1, events: [log] }],
  ['checkpoint', `/tasks/${held}/checkpoints`, snapshot],
  ['complete', `/tasks/${held}/complete`, ended],
  ['fail', `/tasks/${held}/fail`, { batch: 0, code: 'check_failed', message: 'no', retryable: true }],
  ['release', `/tasks/${held}/release`, { batch: 0, reason: 'pause' }],
  ['ask', `/tasks/${held}/approvals`, ask],
  ['artifact', '/artifacts', artifact],
]

type Refusal = [what: string, method: string, path: string, sent: Sent, code: string, pointer?: string]

const token = holder.token
const many = Array.from({ length: 1_001 }, (_, i) => task(`t${i}`))
const wordy = { ...task('a'), capability: 'code generation' }
const plans: [what: string, tasks: object[], code: string, pointer: string][] = [
  ['in a circle of two', [task('a', 'b'), task('b', 'a')], 'plan_invalid', '/plan/tasks'],
  ['with an unknown key', [task('a', 'z')], 'plan_invalid', '/plan/tasks/0/depends_on/0'],
  ['with a key twice', [task('a'), task('a')], 'plan_invalid', '/plan/tasks/1/key'],
  ['with a key of ours', [task('integrate')], 'plan_invalid', '/plan/tasks/0/key'],
  ['of no task', [], 'invalid_input', '/plan/tasks'],
  ['of 1,001 tasks', many, 'invalid_input', '/plan/tasks'],
  ['with a malformed capability', [wordy], 'invalid_input', '/plan/tasks/0/capability'],
]

/** A session with this in place of what is right. */
const goals: [what: string, wrong: object, pointer: string, code?: string][] = [
  ['more tasks than its budget', { plan, budget: { tasks: 1 } }, '/plan/tasks', 'plan_invalid'],
  ['a budget of nothing', { budget: { tokens: 0 } }, '/budget/tokens'],
  ['an unknown budget', { budget: { euros: 1 } }, '/budget/euros'],
  ['a label that asks for no agent', { labels: ['agent:'] }, '/labels/0'],
  ['an unknown priority', { priority: 'URGENT' }, '/priority'],
  ['an address that is an option', { repository: { url: '--upload-pack=x' } }, '/repository/url'],
]

const rules = [{ tool: '*', action: 'maybe' }]
const patches: [what: string, id: string, sent: Sent, code: string, pointer?: string][] = [
  ['an unknown field', pending, { body: { state: 'RUNNING' } }, 'invalid_input', '/state'],
  [
    'no policy',
    pending,
    { body: { approval_policy: { rules } } },
    'invalid_input',
    '/approval_policy/rules/0/action',
  ],
  [
    'an old version',
    pending,
    { body: { title: 'x' }, headers: { 'if-match': '"9"' } },
    'precondition_failed',
  ],
  ['what has ended', stopped, { body: { title: 'x' } }, 'illegal_transition'],
]

const illegal: [what: string, method: string, path: string, body?: object][] = [
  ['a message to what has ended', 'POST', `/sessions/${stopped}/messages`, { text: 'x' }],
  ['the deletion of what runs', 'DELETE', `/sessions/${running}`],
  ...['pause', 'resume', 'retry'].map((action) => of(action, 'PENDING', pending)),
  ...['start', 'pause', 'resume'].map((action) => of(action, 'STOPPED', stopped)),
]
function of(action: string, state: string, id: string): [string, string, string] {
  return [`${action} of what is ${state}`, 'POST', `/sessions/${id}/${action}`]
}

const agent = { name: 'x', engine: holder.agent.engine, capabilities: ['TESTING'], capacity: 1 }
const agents: [what: string, wrong: object, pointer: string][] = [
  ['no capability', { capabilities: [] }, '/capabilities'],
  ['a malformed capability', { capabilities: ['testing'] }, '/capabilities/0'],
  ['a capacity of 65', { capacity: 65 }, '/capacity'],
  ['a name of two words', { name: 'a b' }, '/name'],
]

const over = { ...ended, plan: { tasks: ['a', 'b', 'c'].map((key) => task(key)) } }
const handIn = (body: object) => ({ body, token: planner.token })
const ahead = { attempt: 1, batch: 5, events: [log] }
const behind = { body: { value: 'both' }, headers: { 'if-match': '"1"' } }
const deep = `{"value":${'['.repeat(500)}${']'.repeat(500)}}`
const refusals: Refusal[] = [
  ...plans.map(
    ([what, tasks, ...why]): Refusal => [`a plan ${what}`, 'POST', '/sessions', planned(...tasks), ...why],
  ),
  ...goals.map(
    ([what, wrong, pointer, code = 'invalid_input']): Refusal => [
      ...([`a session with ${what}`, 'POST', '/sessions', { body: { ...goal, ...wrong } }] as const),
      ...([code, pointer] as const),
    ],
  ),
  ...patches.map(
    ([what, id, ...rest]): Refusal => [`a patch of ${what}`, 'PATCH', `/sessions/${id}`, ...rest],
  ),
  ...illegal.map(
    ([what, method, path, body]): Refusal => [what, method, path, { body }, 'illegal_transition'],
  ),
  ...agents.map(
    ([what, wrong, pointer]): Refusal => [
      ...([`an agent with ${what}`, 'POST', '/agents', { body: { ...agent, ...wrong } }] as const),
      ...(['invalid_input', pointer] as const),
    ],
  ),
  ...said.flatMap(([what, path, body]): Refusal[] => [
    [`${what} of a stale attempt`, 'POST', path, { body: { ...body, attempt: 7 }, token }, 'stale_attempt'],
    [`${what} of a foreign task`, 'POST', path, handIn({ ...body, attempt: 1 }), 'stale_attempt'],
    [
      `${what} with an unknown field`,
      'POST',
      path,
      { body: { ...body, attempt: 1, x: 1 }, token },
      'invalid_input',
      '/x',
    ],
    [`${what} with a key`, 'POST', path, { body: { ...body, attempt: 1 } }, 'forbidden'],
    [`${what} without a token`, 'POST', path, { body: { ...body, attempt: 1 }, token: null }, 'unauthorized'],
  ]),
  ['events ahead of their turn', 'POST', `/tasks/${held}/events`, { body: ahead, token }, 'batch_gap'],
  [
    'an end before all its events',
    'POST',
    `/tasks/${held}/complete`,
    { body: { ...ended, batch: 3 }, token },
    'batch_gap',
  ],
  ['a planner without a plan', 'POST', `/tasks/${planning}/complete`, handIn(ended), 'plan_invalid'],
  [
    'a plan over the budget',
    'POST',
    `/tasks/${planning}/complete`,
    handIn(over),
    'plan_invalid',
    '/plan/tasks',
  ],
  ['a write that is behind under REJECT', 'PUT', '/contexts/GLOBAL/-/style', behind, 'context_conflict'],
  ['a value that is too deep', 'PUT', '/contexts/GLOBAL/-/deep', { raw: deep }, 'invalid_input'],
  ['a key with an empty word', 'PUT', '/contexts/GLOBAL/-/a..b', { body: { value: 1 } }, 'not_found'],
  [
    'a fork from no checkpoint',
    'POST',
    `/sessions/${running}/fork`,
    { body: { checkpoint: 9_999 } },
    'not_found',
  ],
  [
    "another agent's heartbeat",
    'POST',
    `/agents/${planner.agent.id}/heartbeat`,
    { body: { holding: [] }, token },
    'forbidden',
  ],
  [
    'an answer that does not fit',
    'POST',
    `/approvals/${approval}`,
    { body: { answer: 'allow_once' } },
    'invalid_input',
    '/answer',
  ],
]

describe('is refused, and nothing changes:', () => {
  test.each(refusals)('%s', async (_what, method, path, sent, code, pointer) => {
    const before = await everything(plant.engine)
    const answer = await call(method, `${api}${path}`, sent)
    const problem = Problem.parse(answer.json)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(problem).toMatchObject({ code, status: answer.status, type: `/problems/${code}` })
    expect(problem.detail.length).toBeGreaterThan(10)
    if (code === 'illegal_transition') expect(problem.legal_actions).toBeInstanceOf(Array)
    if (pointer) expect(problem.errors.map((error) => error.pointer)).toContain(pointer)
    expect(await everything(plant.engine)).toEqual(before)
  })
})

test('what is compared holds the rows of every table in use', async () => {
  const rows = await everything(plant.engine)
  const filled = Object.keys(rows).filter((table) => rows[table] !== null)
  expect(filled).toEqual(
    expect.arrayContaining(['session', 'task', 'agent', 'tenant', 'inbox', 'event_page', 'checkpoint']),
  )
  expect(filled).toEqual(expect.arrayContaining(['context', 'context_version', 'approval']))
})
