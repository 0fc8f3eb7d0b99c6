import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, json, playApi, problem, session, sessionId } from './fixture/api.ts'
import { playTerminal } from './fixture/terminal.ts'
import { run } from './run.ts'
import type { Terminal } from './terminal.ts'

const closers: (() => void)[] = []
let folder = ''
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'cli-')))
})
afterAll(() => rm(folder, { recursive: true }))
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function playing(routes: Record<string, Answer>) {
  const api = await playApi(routes)
  closers.push(api.close)
  return async (args: string[], over: Partial<Terminal> = {}) => {
    const { terminal, written } = playTerminal({ env: { ORCHESTRATOR_API_URL: api.base }, ...over })
    const code = await run(args, terminal)
    return { code, ...written, asked: api.asked }
  }
}

const answer =
  (value: unknown, status = 200): Answer =>
  (_asked, response) =>
    json(response, value, status)
const created = { 'POST /sessions': answer(session({ state: 'PENDING' }), 201) }
const minimal = ['session', 'create', '--title', 'T', '--prompt', 'P']

describe('session create', () => {
  test('sends every option in its field, with an idempotency key', async () => {
    const cli = await playing(created)
    await writeFile(join(folder, 'plan.json'), '{"tasks":[]}')
    const options =
      '--base main --priority high --label a --label b --max-tokens 5 --max-cost 0.5 --max-seconds 6 --max-tasks 7'
    const args = [...minimal, '--repo', '.', '--plan', 'plan.json', '--start', ...options.split(' ')]
    const { code, out, asked } = await cli(args, { cwd: folder })
    expect(code).toBe(0)
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
      title: 'T',
      prompt: 'P',
      priority: 'HIGH',
      repository: { url: folder, base: 'main' },
      labels: ['a', 'b'],
      plan: { tasks: [] },
      budget: { tokens: 5, cost_usd: 0.5, seconds: 6, tasks: 7 },
      start: true,
    })
    expect(asked[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/)
    expect(out).toContain(`session start ${sessionId}`)
    expect(out).toContain(`session follow ${sessionId}`)
  })

  test('leaves out what was not given', async () => {
    const cli = await playing(created)
    const { asked } = await cli(minimal)
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({ title: 'T', prompt: 'P' })
  })

  test.each(['https://example.com/a.git', 'git@example.com:a/b.git', 'ssh://git@example.com/a', 'file:///a'])(
    'sends the URL %s as it is',
    async (url) => {
      const cli = await playing(created)
      const { asked } = await cli([...minimal, '--repo', url])
      expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ repository: { url } })
    },
  )

  test.each([['--prompt'], ['--prompt-file']])('reads standard input for %s -', async (option) => {
    const cli = await playing(created)
    const input = (async function* () {
      yield Buffer.from('from a pi')
      yield Buffer.from('pe')
    })()
    const { asked } = await cli(['session', 'create', '--title', 'T', option, '-'], { input })
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ prompt: 'from a pipe' })
  })

  test.each([
    ['no title', ['session', 'create', '--prompt', 'P'], '--title'],
    ['no prompt', ['session', 'create', '--title', 'T'], '--prompt'],
    ['two prompts', [...minimal, '--prompt-file', 'x'], 'either'],
    [
      'a prompt file that is not there',
      ['session', 'create', '--title', 'T', '--prompt-file', 'no'],
      'no such',
    ],
    ['a folder that is not there', [...minimal, '--repo', './no'], 'no folder'],
    ['a base without a repository', [...minimal, '--base', 'main'], '--repo'],
    ['an unknown priority', [...minimal, '--priority', 'URGENT'], 'CRITICAL'],
    ['half a token', [...minimal, '--max-tokens', '0.5'], 'whole number'],
    ['an unknown option', [...minimal, '--nonsense'], '--nonsense'],
    ['an unknown command', ['sessions'], 'unknown command'],
    ['a bad address', ['session', 'list', '--api', 'nonsense'], 'no address'],
  ])('%s is bad usage: nothing is sent', async (_what, args, words) => {
    const cli = await playing(created)
    const { code, err, asked } = await cli(args, { cwd: folder })
    expect([code, asked]).toEqual([2, []])
    expect(err).toContain(words)
  })

  test('with --json prints the answer of the API, unknown fields too', async () => {
    const cli = await playing({ 'POST /sessions': answer(session({ later: 1 }), 201) })
    const { out } = await cli([...minimal, '--json'])
    expect(JSON.parse(out)).toEqual(session({ later: 1 }))
  })
})

describe('an error', () => {
  const refuse = (status: number, extra: Record<string, unknown>) => ({
    [`POST /sessions/${sessionId}/stop`]: ((_asked, response) => problem(response, status, extra)) as Answer,
  })
  const stop = ['session', 'stop', sessionId]

  test('shows the title, the detail, and each field with its message', async () => {
    const errors = [
      { pointer: '/title', message: 'is too long' },
      { pointer: '/budget/tokens', message: 'must be a number\x1b[2J' },
    ]
    const cli = await playing(
      refuse(400, { title: 'Invalid input', detail: 'Two fields.', code: 'invalid_input', errors }),
    )
    const { code, err } = await cli(stop)
    expect(code).toBe(2)
    expect(err).toBe(
      [
        'error: Invalid input',
        '  Two fields.',
        '  /title is too long',
        '  /budget/tokens must be a number',
        '  400 · invalid_input · req_1',
        '',
      ].join('\n'),
    )
  })

  test.each([
    [400, 2],
    [404, 2],
    [409, 2],
    [413, 2],
    [422, 2],
    [401, 5],
    [403, 5],
    [500, 4],
    [503, 4],
  ])('of status %d ends with %d', async (status, expected) => {
    const cli = await playing(refuse(status, { title: 'No' }))
    expect((await cli(stop)).code).toBe(expected)
  })

  test('that passes is tried again with the same idempotency key', async () => {
    let tries = 0
    const cli = await playing({
      [`POST /sessions/${sessionId}/stop`]: (_asked, response) => {
        if (tries++ > 0) json(response, session({ state: 'STOPPING' }))
        else problem(response, 409, { title: 'Changed meanwhile', retryable: true })
      },
    })
    const { code, out, asked } = await cli(stop)
    expect([code, out]).toEqual([0, `${sessionId} STOPPING\n`])
    expect(new Set(asked.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
  })

  test('with --json is the problem as the API answered it', async () => {
    const cli = await playing(refuse(409, { title: 'Illegal', code: 'illegal_transition', legal: ['retry'] }))
    const { err } = await cli([...stop, '--json'])
    expect(JSON.parse(err)).toMatchObject({ code: 'illegal_transition', legal: ['retry'] })
  })

  test('of an API that is not there says how to start it', async () => {
    const api = await playApi({})
    await api.goAway()
    const { terminal, written } = playTerminal()
    expect(await run(['session', 'list', '--api', api.base], terminal)).toBe(3)
    expect(written.err).toContain('ECONNREFUSED')
    expect(written.err).toContain('npm start')
  })

  test('of something else that listens there is not taken for an answer', async () => {
    const cli = await playing({ 'GET /sessions': (_asked, response) => void response.end('<html>') })
    const { code, err } = await cli(['session', 'list'])
    expect([code, err.includes('no JSON')]).toEqual([4, true])
  })
})

describe('reading', () => {
  test('list sends its filters and draws a table that no title can break', async () => {
    const items = [session({ title: 'evil\x1b[2J\ntitle' })]
    const cli = await playing({ 'GET /sessions': answer({ items, next_cursor: 'abc' }) })
    const { out, asked } = await cli('session list --state running,failed --limit 5 --q x'.split(' '))
    expect(asked[0]?.path).toBe('/sessions?state=RUNNING%2CFAILED&limit=5&q=x')
    expect(out).toContain('evil title\n')
    expect(out).toContain('--cursor abc')
  })

  test('show draws the tree of tasks', async () => {
    const task = { title: 'T', capability: 'TESTING', attempt: 2, usage: null, waiting: null }
    const items = [
      { ...task, id: 'tsk_1', key: 'plan', parent_id: null, state: 'COMPLETED' },
      { ...task, id: 'tsk_2', key: 'child', parent_id: 'tsk_1', state: 'READY', depends_on: ['plan'] },
    ]
    const cli = await playing({
      [`GET /sessions/${sessionId}`]: answer(session({ parent: { session_id: 'ses_1', checkpoint: 7 } })),
      [`GET /sessions/${sessionId}/tasks`]: answer({ items, next_cursor: null }),
      [`GET /sessions/${sessionId}/diagnosis`]: answer({
        waiting: { sentence: 'builder works on "child".', owner: 'agent' },
      }),
    })
    const { code, out } = await cli(['session', 'show', sessionId])
    expect(code).toBe(0)
    expect(out).toContain('\n  forked from ses_1 at checkpoint 7\n')
    expect(out).toContain('\n  builder works on "child". (agent)\n')
    expect(out).toMatch(/\n {2}COMPLETED +plan {2}T TESTING · attempt 2\n {4}READY +child {2}T .*after plan/)
  })

  test('show says until when the history of an ended session is kept', async () => {
    const ended_at = '2024-02-03T12:30:00.000Z'
    const ended = session({ state: 'STOPPED', ended_at, history_until: '2025-02-02T12:30:00.000Z' })
    const cli = await playing({
      [`GET /sessions/${sessionId}`]: answer(ended),
      [`GET /sessions/${sessionId}/tasks`]: answer({ items: [], next_cursor: null }),
    })
    expect((await cli(['session', 'show', sessionId])).out).toContain(
      '\n  history kept until 2025-02-02 (UTC)\n',
    )
  })

  test('diff passes the patch on, byte for byte', async () => {
    const patch = 'diff --git a/x b/x\n+\x1b[31mä\n'
    const cli = await playing({
      [`GET /sessions/${sessionId}/diff`]: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'text/x-diff' }).end(patch)
      },
    })
    expect((await cli(['session', 'diff', sessionId])).out).toBe(patch)
    expect((await cli(['session', 'diff', sessionId], { tty: true })).out).not.toContain('\x1b')
  })

  test('fork asks for a checkpoint, or for the last one', async () => {
    const forked = session({ id: 'ses_2', state: 'QUEUED' })
    const cli = await playing({ [`POST /sessions/${sessionId}/fork`]: answer(forked, 201) })
    const { code, out, asked } = await cli(['session', 'fork', sessionId, '--checkpoint', '7', '--start'])
    expect([code, out, asked[0]?.body]).toEqual([0, 'ses_2 QUEUED\n', '{"checkpoint":7,"start":true}'])
    expect((await cli(['session', 'fork', sessionId])).asked.at(-1)?.body).toBe('{}')
  })

  test('message sends its text', async () => {
    const cli = await playing({ [`POST /sessions/${sessionId}/messages`]: answer({ id: 'msg_1' }, 202) })
    const { code, asked } = await cli(['session', 'message', sessionId, 'faster'])
    expect([code, asked[0]?.body]).toEqual([0, '{"text":"faster"}'])
  })

  test('help names the commands and the exit codes, and is no error', async () => {
    const cli = await playing({})
    const { code, out } = await cli(['--help'])
    expect(code).toBe(0)
    for (const word of ['session', 'agent', 'doctor', 'Exit codes', '130']) expect(out).toContain(word)
  })
})

describe('approvals', () => {
  const id = 'apr_01K2QZ7N4C9V00000000000000'
  const open = {
    id,
    kind: 'QUESTION',
    asked: { questions: [{ question: 'Which colour?', options: [{ label: 'red' }] }] },
    state: 'OPEN',
    task_id: 'tsk_1',
    attempt: 1,
    agent_id: 'agt_1',
    created_at: '2026-01-01T00:00:00.000Z',
    deadline: '2026-01-01T01:00:00.000Z',
    answer: null,
  }

  test('are listed with their options and the command that answers them; only open ones unless asked', async () => {
    const cli = await playing({ 'GET /approvals': answer({ items: [open], next_cursor: null }) })
    const { code, out, asked } = await cli(['approval', 'list'])
    expect(code).toBe(0)
    expect(asked[0]?.path).toContain('state=OPEN')
    expect(out).toContain('Which colour?')
    expect(out).toContain('- red')
    expect(out).toContain(`approval answer ${id} reply`)
  })

  test('are answered with labels, one for each question; an unknown answer is refused here', async () => {
    const answered = { ...open, state: 'ANSWERED', answer: { answer: 'reply' } }
    const cli = await playing({ [`POST /approvals/${id}`]: answer(answered) })
    const { code, asked } = await cli(['approval', 'answer', id, 'reply', '--choose', 'red'])
    expect(code).toBe(0)
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({ answer: 'reply', answers: [['red']] })
    const wrong = await cli(['approval', 'answer', id, 'perhaps'])
    expect(wrong.code).not.toBe(0)
    expect(wrong.err).toContain('allow_once, allow_always, deny, reply')
  })

  test('are asked for by a session that is created with --approval ask', async () => {
    const cli = await playing(created)
    const { asked } = await cli([...minimal, '--approval', 'ask'])
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ approval_policy: { mode: 'ask' } })
  })
})

describe('contexts', () => {
  const entry = {
    ...{ scope: 'GLOBAL', id: '-', key: 'style', value: { tabs: true }, deleted: false, version: 3 },
    ...{ strategy: 'LAST_WRITER', author: 'operator', size: 13, created_at: '2026-01-01T00:00:00.000Z' },
  }

  test('are listed of everybody, a session or a task', async () => {
    const list = answer({ items: [entry], next_cursor: 'abc' })
    const cli = await playing({
      'GET /contexts/GLOBAL/-': list,
      'GET /contexts/SESSION/ses_1': list,
      'GET /contexts/TASK/tsk_1': list,
    })
    const { code, out } = await cli(['context', 'list'])
    expect(code).toBe(0)
    expect(out).toMatch(/style +GLOBAL +3 +operator +\{"tabs":true\}\nmore: add --cursor abc/)
    await cli('context list --session ses_1 --prefix a.b --own --limit 5'.split(' '))
    const { asked } = await cli('context list --task tsk_1'.split(' '))
    expect(asked.map(({ path }) => path)).toEqual([
      '/contexts/GLOBAL/-',
      '/contexts/SESSION/ses_1?resolve=false&prefix=a.b&limit=5',
      '/contexts/TASK/tsk_1',
    ])
  })

  test('are read as JSON, and with --json as the API answers them', async () => {
    const cli = await playing({ 'GET /contexts/GLOBAL/-/style': answer(entry) })
    expect(JSON.parse((await cli(['context', 'get', 'style'])).out)).toEqual({ tabs: true })
    expect(JSON.parse((await cli(['context', 'get', 'style', '--json'])).out)).toEqual(entry)
  })

  test('are written on the version that they have, or on the one that is given, or anew', async () => {
    const written = { 'PUT /contexts/GLOBAL/-/style': answer({ ...entry, version: 4 }) }
    const cli = await playing({ ...written, 'GET /contexts/GLOBAL/-/style': answer(entry) })
    const { out, asked } = await cli(['context', 'set', 'style', '[1]', '--strategy', 'REJECT'])
    expect(out).toBe('style version 4\n')
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /contexts/GLOBAL/-/style?resolve=false',
      'PUT /contexts/GLOBAL/-/style',
    ])
    expect(asked[1]).toMatchObject({
      body: '{"value":[1],"strategy":"REJECT"}',
      headers: { 'if-match': '"3"' },
    })
    const given = await cli(['context', 'set', 'style', '1', '--based-on', '2'])
    expect(given.asked.at(-1)).toMatchObject({ body: '{"value":1}', headers: { 'if-match': '"2"' } })
    const fresh = await playing(written)
    const last = (await fresh(['context', 'set', 'style', 'use tabs', '--text'])).asked.at(-1)
    expect(last?.body).toBe('{"value":"use tabs"}')
    expect(last?.headers['if-match']).toBeUndefined()
  })

  test.each([
    ['a value that is no JSON', ['set', 'style', 'use tabs'], '--text'],
    ['two scopes', ['get', 'style', '--session', 'ses_1', '--task', 'tsk_1'], 'not both'],
    ['an unknown strategy', ['set', 'style', '1', '--strategy', 'BEST'], 'REJECT'],
  ])('%s is bad usage: nothing is sent', async (_what, args, words) => {
    const cli = await playing({})
    const { code, err, asked } = await cli(['context', ...args])
    expect([code, asked]).toEqual([2, []])
    expect(err).toContain(words)
  })

  test('are deleted, and their history shows each version', async () => {
    const versions = [
      { ...entry, version: 4, value: null, deleted: true, based_on: 3, conflicts: [] },
      { ...entry, based_on: 1, conflicts: [{ path: '/tabs' }] },
    ]
    const cli = await playing({
      'DELETE /contexts/GLOBAL/-/style': (_asked, response) => void response.writeHead(204).end(),
      'GET /contexts/GLOBAL/-/style/history': answer({ items: versions, next_cursor: null }),
    })
    const { out, asked } = await cli(['context', 'delete', 'style', '--based-on', '3'])
    expect([out, asked[0]?.headers['if-match']]).toEqual(['style deleted\n', '"3"'])
    const history = await cli(['context', 'history', 'style'])
    expect(history.out).toMatch(/\n4 .* operator +3 +0 +\(deleted\)\n3 .* operator +1 +1 +\{"tabs":true\}\n/)
  })
})
