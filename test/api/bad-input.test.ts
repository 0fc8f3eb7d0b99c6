import { describe, expect, test } from 'vitest'
import { defaultTenant } from '#core/actor'
import { everything } from '../everything.ts'
import { goal, openApi, Problem, plan, type Sent } from './open.ts'
import { Session } from './shapes.ts'

const { call, plant } = await openApi()
const sessions = '/api/v1/sessions'
const unknown = 'ses_00000000000000000000000000'
const running = Session.parse((await call('POST', sessions, { body: { ...goal, plan, start: true } })).json)
await plant.settle()
const { token, agent } = await plant.register('idle', ['OTHER'])

type Case = {
  what: string
  send: [method: string, target: string, sent?: Sent]
  status: number
  code: string
  says?: { pointer?: string; detail?: RegExp; legal_actions?: string[]; state?: string }
}

const task = async () => {
  const [row] = await plant.engine.query<{ id: string }>(null, {
    name: 'a_task',
    text: `select id from task where key = 'write' and session_id = $1::text`,
    values: [running.id],
  })
  return row?.id ?? ''
}
const taskId = await task()

const cases: Case[] = [
  {
    what: 'an unknown field',
    send: ['POST', sessions, { body: { ...goal, promt: 'x' } }],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/promt', detail: /remove it or correct its name/ },
  },
  {
    what: 'the name of a prototype',
    send: ['POST', sessions, { raw: '{"title":"x","prompt":"x","__proto__":{"start":true}}' }],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/__proto__' },
  },
  {
    what: 'a body of a thousand levels',
    send: ['POST', sessions, { raw: `{"title":${'['.repeat(1_000)}${']'.repeat(1_000)}}` }],
    status: 400,
    code: 'invalid_input',
    says: { detail: /levels deep/ },
  },
  {
    what: 'a missing field',
    send: ['POST', sessions, { body: { title: 'x' } }],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/prompt', detail: /is required and must be a string/ },
  },
  {
    what: 'an unknown field deep in a plan',
    send: ['POST', sessions, { body: { ...goal, plan: { tasks: [{ ...plan.tasks[0], 'a/b': 1 }] } } }],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/plan/tasks/0/a~1b' },
  },
  {
    what: 'a plan in a circle',
    send: [
      'POST',
      sessions,
      { body: { ...goal, plan: { tasks: [{ ...plan.tasks[0], depends_on: ['write'] }] } } },
    ],
    status: 422,
    code: 'plan_invalid',
    says: { pointer: '/plan/tasks' },
  },
  {
    what: 'a prompt of 200 KB',
    send: ['POST', sessions, { body: { ...goal, prompt: 'x'.repeat(200_000) } }],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/prompt', detail: /at most 100000 characters, not 200000/ },
  },
  {
    what: 'a body over 1 MB',
    send: ['POST', sessions, { body: { ...goal, prompt: 'x'.repeat(1_100_000) } }],
    status: 413,
    code: 'payload_too_large',
  },
  {
    what: 'malformed JSON',
    send: ['POST', sessions, { raw: '{"title": ' }],
    status: 400,
    code: 'invalid_input',
    says: { detail: /not valid JSON/ },
  },
  {
    what: 'another content type',
    send: ['POST', sessions, { raw: 'title=x', headers: { 'content-type': 'text/plain' } }],
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    what: 'the NUL character',
    send: ['POST', `${sessions}/${running.id}/messages`, { body: { text: 'a\0b' } }],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/text' },
  },
  {
    what: 'half a surrogate pair',
    send: ['POST', sessions, { raw: '{"title":"\\ud800","prompt":"x"}' }],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/title' },
  },
  {
    what: 'a body where there is none',
    send: ['POST', `${sessions}/${running.id}/stop`, { body: { force: true } }],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/force' },
  },
  { what: 'an unknown session', send: ['GET', `${sessions}/${unknown}`], status: 404, code: 'not_found' },
  {
    what: 'the start of an unknown session',
    send: ['POST', `${sessions}/${unknown}/start`],
    status: 404,
    code: 'not_found',
  },
  { what: 'something that is no id', send: ['GET', `${sessions}/1`], status: 404, code: 'not_found' },
  ...['events', 'log', 'checkpoints', 'checkpoints/1', 'diff', 'verify', 'tasks'].map((part) => ({
    what: `the ${part} of an unknown session`,
    send: ['GET', `${sessions}/${unknown}/${part}`] as [string, string],
    status: 404,
    code: 'not_found',
  })),
  {
    what: 'the deletion of a running session',
    send: ['DELETE', `${sessions}/${running.id}`],
    status: 409,
    code: 'illegal_transition',
    says: { state: 'RUNNING' },
  },
  {
    what: 'an unknown state in a query',
    send: ['GET', `${sessions}?state=RUNNING,BUSY`],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/state/1' },
  },
  {
    what: 'an unknown parameter',
    send: ['GET', `${sessions}?stat=RUNNING`],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/stat' },
  },
  { what: 'a limit over 100', send: ['GET', `${sessions}?limit=101`], status: 400, code: 'invalid_input' },
  {
    what: 'an unknown token',
    send: ['GET', sessions, { token: `oio_agent_${defaultTenant.slice(4)}_${'x'.repeat(43)}` }],
    status: 401,
    code: 'unauthorized',
  },
  {
    what: "a worker's call with a key",
    send: ['POST', `/api/v1/tasks/${taskId}/claim`, { body: { attempt: 1 } }],
    status: 403,
    code: 'forbidden',
  },
  {
    what: "another agent's inbox",
    send: ['GET', '/api/v1/agents/agt_00000000000000000000000000/inbox', { token }],
    status: 403,
    code: 'forbidden',
  },
  {
    what: 'an agent that acts as an operator',
    send: ['POST', sessions, { body: goal, token }],
    status: 403,
    code: 'forbidden',
  },
  {
    what: 'a stale attempt',
    send: ['POST', `/api/v1/tasks/${taskId}/claim`, { body: { attempt: 7 }, token }],
    status: 409,
    code: 'stale_attempt',
    says: { state: 'READY' },
  },
  {
    what: 'events of a stale attempt',
    send: [
      'POST',
      `/api/v1/tasks/${taskId}/events`,
      {
        body: {
          attempt: 7,
          batch: 1,
          events: [{ type: 'log', at: new Date(0).toISOString(), data: line('x') }],
        },
        token,
      },
    ],
    status: 409,
    code: 'stale_attempt',
  },
  {
    what: 'an artifact of a stale attempt',
    send: [
      'POST',
      '/api/v1/artifacts',
      { body: { task_id: taskId, attempt: 7, kind: 'patch', size: 1 }, token },
    ],
    status: 409,
    code: 'stale_attempt',
  },
  {
    what: 'a key that is none',
    send: ['POST', sessions, { body: goal, headers: { 'idempotency-key': 'a b' } }],
    status: 400,
    code: 'invalid_input',
  },
  { what: 'a slash at the end', send: ['GET', `${sessions}/`], status: 404, code: 'not_found' },
  {
    what: 'JSON without an end to its depth',
    send: ['POST', sessions, { raw: '['.repeat(500_000) + ']'.repeat(500_000) }],
    status: 400,
    code: 'invalid_input',
    says: { detail: /levels deep/ },
  },
  {
    what: 'a repository behind an option of git',
    send: ['POST', sessions, { body: { ...goal, repository: { url: '--upload-pack=touch /tmp/x' } } }],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/repository/url' },
  },
  {
    what: 'a base that is an option of git',
    send: [
      'POST',
      sessions,
      { body: { ...goal, repository: { url: 'https://a.example/a', base: '--help' } } },
    ],
    status: 400,
    code: 'invalid_input',
    says: { pointer: '/repository/base' },
  },
  { what: 'an unknown path', send: ['GET', '/api/v1/nothing'], status: 404, code: 'not_found' },
]

function line(text: string) {
  return { stream: 'text', text }
}

describe('is refused with a clear problem, and nothing changes', () => {
  test.each(cases)('$what', async ({ send, status, code, says }) => {
    const before = await everything(plant.engine)
    const answer = await call(...send)
    const problem = Problem.parse(answer.json)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(problem).toMatchObject({ status, code, type: `/problems/${code}`, retryable: false })
    expect(answer.status).toBe(status)
    expect(problem.request_id).toBe(answer.headers['x-request-id'])
    if (says?.pointer) expect(problem.errors.map(({ pointer }) => pointer)).toContain(says.pointer)
    if (says?.detail) expect(problem.detail).toMatch(says.detail)
    if (says?.state) expect(problem.state).toBe(says.state)
    expect(await everything(plant.engine)).toEqual(before)
  })
})

test('an illegal transition says the state and the actions that are legal', async () => {
  const made = Session.parse((await call('POST', sessions, { body: goal })).json)
  const answer = await call('POST', `${sessions}/${made.id}/pause`)
  expect(Problem.parse(answer.json)).toMatchObject({
    status: 409,
    code: 'illegal_transition',
    state: 'PENDING',
    legal_actions: ['start', 'stop'],
  })
  expect((await call('GET', `${sessions}/${made.id}`)).json).toEqual(made)
})

test('a wrong method is told which ones there are', async () => {
  const answer = await call('PUT', `${sessions}/${running.id}`)
  expect(Problem.parse(answer.json)).toMatchObject({ status: 405, code: 'method_not_allowed' })
  expect(answer.headers.allow?.split(', ').sort()).toEqual(['DELETE', 'GET', 'PATCH'])
})

test('a token that was taken over is refused', async () => {
  const second = await plant.register('taken', ['OTHER'])
  const path = `/api/v1/agents/${second.agent.id}/inbox`
  await plant.register('taken', ['OTHER'])
  expect((await call('GET', path, { token: second.token })).status).toBe(401)
  expect((await call('GET', `/api/v1/agents/${agent.id}/inbox`, { token })).status).toBe(200)
})
