import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as z from 'zod'
import { anyPorts, type LocalCloud, startLocal } from '#local/cloud'
import { workerEnvironment } from '#local/environment'
import { startModel } from '#local/model/server'
import { superviseWorker } from '#local/supervisor'
import { testDatabase } from '../database.ts'
import { hear } from '../hear.ts'
import { apiClient, type EventBody, git, makeRepository, scripted } from './client.ts'

/** The whole product in this process: real OpenCode, the rehearsal model, one worker that is killed. */
let cloud: LocalCloud
let api: ReturnType<typeof apiClient>

const minute = 60_000
const folder = mkdtempSync(join(tmpdir(), 'orchestrator-incidents-'))

beforeAll(async () => {
  const { url } = await testDatabase()
  cloud = await startLocal({
    data: folder,
    ports: anyPorts,
    env: { ...process.env, DATABASE_URL: url },
    workers: [
      { name: 'builder', capabilities: ['PLANNING', 'CODE_GENERATION', 'INTEGRATION'], capacity: 2 },
      { name: 'victim', capabilities: ['DEBUGGING'], capacity: 1 },
    ],
    model: 'rehearsal',
    write: hear,
  })
  api = apiClient(cloud)
})
afterAll(() => cloud?.stop())

const use = (name: string, args: object) => ({ text: `I use ${name}.`, tools: [{ name, args }] })
const bash = (command: string) => use('bash', { command, description: 'a step' })
const write = (filePath: string) => use('write', { filePath, content: `${filePath}\n` })
const remember = (engine: string, version: number) =>
  use('orchestrator_context_put', { key: 'findings', value: { engine }, version })
const done = { text: 'Done.' }

/** It exists once the victim is dead; until then the victim's task does not end. */
const killed = join(folder, 'killed')
const untilKilled = `until [ -e '${killed}' ]; do sleep 0.1; done`
const repaired = "grep -Eq '^> (# )?The last attempt' rehearsal/flaky-repair.md"
const question = { question: 'Which colour?', header: 'Colour', options: ['red', 'blue'] }
const told = (key: string, knobs: object, more: object) => ({
  ...scripted(key, [], more),
  instruction: `Do it. <<rehearsal ${JSON.stringify(knobs)} >>`,
})
const after = (...depends_on: string[]) => ({ depends_on })

const tasks = [
  scripted('survey', [write('survey.txt'), remember('none', 0), done]),
  scripted('left', [bash("sed -i '500s/.*/left/' beta.js"), remember('sqlite', 1), done], after('survey')),
  scripted('right', [bash("sed -i '500s/.*/right/' beta.js"), done], after('survey')),
  // Its memory is that of the survey, while "left" has written meanwhile.
  scripted('join', [write('join.txt'), remember('postgres', 1), done], after('left', 'right')),
  told('asks', { ask: question }, after('survey')),
  scripted('publish', [bash('echo published > publish.txt'), done], after('survey')),
  told('flaky', {}, { ...after('survey'), checks: [{ command: repaired }] }),
  scripted('long', [write('first.txt'), write('second.txt'), bash(untilKilled), write('third.txt'), done], {
    capability: 'DEBUGGING',
  }),
]

const Tasks = z.object({
  items: z.array(
    z.object({ id: z.string(), key: z.string(), result: z.object({ commit: z.string().nullable() }) }),
  ),
})

it(
  'a session meets a conflict, a failed check, two questions, a death and a disagreement, and completes with all of its work',
  async () => {
    const url = makeRepository()
    const plan = { summary: 'Everything at once.', tasks }
    const rules = [
      { tool: 'bash', pattern: '*publish.txt', action: 'ask' },
      { tool: 'question', action: 'ask' },
    ]
    const { id } = await api.create({
      title: 'Meet everything',
      prompt: `Meet everything. <<rehearsal ${JSON.stringify({ plan })} >>`,
      repository: { url },
      approval_policy: { rules },
      start: true,
    })
    const seen = await live(id)
    const session = await api.session(id)
    expect(session).toMatchObject({ state: 'COMPLETED', failure: null, rehearsal: true })
    const { items } = Tasks.parse(await (await api.call('GET', `/sessions/${id}/tasks?limit=100`)).json())
    expect(items.map(({ key }) => key).sort()).toEqual(
      [...tasks.map(({ key }) => key), 'integrate', 'merge-1', 'plan'].sort(),
    )

    const branch = `orchestrator/${id}`
    const show = (file: string) => git(url, 'show', `${branch}:${file}`)
    expect(git(url, 'rev-parse', branch)).toBe(session.result?.commit)
    const files = ['survey', 'join', 'first', 'second', 'third'].map((name) => `${name}.txt`)
    for (const file of files) expect(show(file)).toBe(file)
    expect(show('publish.txt')).toBe('published')
    expect(show('rehearsal/asks.md')).toContain('- task: asks')
    expect(show('rehearsal/flaky.md')).toContain('- task: flaky')
    expect(show('rehearsal/flaky-repair.md')).toContain('The last attempt')
    const beta = show('beta.js').split('\n')
    expect(beta.slice(499, 501).sort()).toEqual(['left', 'right'])
    expect([beta[498], beta[501]]).toEqual(['export const beta498 = 498', 'export const beta500 = 500'])
    const commitOf = (key: string) => items.find((task) => task.key === key)?.result.commit ?? ''
    const parents = git(url, 'log', '-1', '--format=%P', commitOf('merge-1')).split(' ')
    expect(parents.sort()).toEqual([commitOf('left'), commitOf('right')].sort())
    for (const { key } of tasks)
      expect(git(url, 'merge-base', '--is-ancestor', commitOf(key), branch)).toBe('')

    assertIncidents(seen, (key) => items.find((task) => task.key === key)?.id)
    const reported = seen.filter(({ type }) => type === 'usage.reported')
    const sum = reported.reduce((total, { data }) => total + Number(data.input_tokens), 0)
    expect(session.usage.input_tokens).toBe(sum)
    expect(sum).toBeGreaterThan(0)
    expect(await api.verify(id)).toMatchObject({ valid: true, last_seq: seen.at(-1)?.seq })
  },
  10 * minute,
)

const Waiting = z.object({ waiting: z.object({ reason: z.string(), sentence: z.string() }) })
const Agents = z.object({ items: z.array(z.object({ name: z.string(), registered_at: z.string() })) })

it(
  'a session that no agent can serve says which capability is missing and the remedy, and moves within 2 s of its coming',
  async () => {
    const plan = {
      summary: '',
      tasks: [scripted('audit', [write('audit.txt'), done], { capability: 'SECURITY_AUDIT' })],
    }
    const repository = { url: makeRepository() }
    const { id } = await api.create({ title: 'Audit', prompt: 'Audit it.', repository, plan, start: true })
    await api.until(id, ({ type }) => type === 'session.running', minute)
    const { waiting } = Waiting.parse(await (await api.call('GET', `/sessions/${id}/diagnosis`)).json())
    expect(waiting.reason).toBe('no_agent')
    expect(waiting.sentence).toMatch(
      /agent with SECURITY_AUDIT: (no agent is online|none of .* has it)\. Start one with: npx orchestrator agent start --capabilities SECURITY_AUDIT/,
    )

    const model = await startModel({ port: 0 })
    const auditor = superviseWorker({
      worker: { name: 'auditor', capabilities: ['SECURITY_AUDIT'], capacity: 1 },
      env: workerEnvironment(process.env, { ...cloud, model: model.url }),
      data: mkdtempSync(join(tmpdir(), 'orchestrator-auditor-')),
      log: () => undefined,
      onLine: () => undefined,
    })
    try {
      const offered = await api.until(id, ({ type }) => type === 'task.assigned', minute)
      const { items } = Agents.parse(await (await api.call('GET', '/agents')).json())
      const came = items.find(({ name }) => name === 'auditor')?.registered_at ?? ''
      expect(Date.parse(offered.at) - Date.parse(came)).toBeLessThan(2_000)
      expect((await api.ended(id, 2 * minute)).state).toBe('COMPLETED')
    } finally {
      await auditor.stop()
      await model.stop()
    }
  },
  4 * minute,
)

/** Follows a session to its end as people would: who is asked answers, and once the long work is saved its agent dies. */
async function live(id: string) {
  const seen: EventBody[] = []
  const acts: Promise<void>[] = []
  const wrote = ({ type, data }: EventBody) =>
    type === 'log' && data.tool === 'write' && data.status === 'completed'
  await api.until(
    id,
    (event) => {
      seen.push(event)
      if (event.type === 'approval.requested') acts.push(answer(event))
      const saved = event.type === 'checkpoint.created' && event.task_id === longId(seen)
      const whole = seen.filter((one) => wrote(one) && one.task_id === event.task_id).length === 2
      if (saved && whole && !existsSync(killed)) killVictim()
      return /^session\.(completed|failed|stopped)$/.test(event.type)
    },
    9 * minute,
  )
  await Promise.all(acts)
  return seen
}

const longId = (seen: EventBody[]) =>
  seen.find(({ type, data }) => type === 'task.created' && data.key === 'long')?.task_id

async function answer({ data }: EventBody) {
  const how = data.kind === 'QUESTION' ? { answer: 'reply', answers: [['blue']] } : { answer: 'allow_once' }
  const answered = await api.post(`/approvals/${String(data.approval_id)}`, how)
  expect(answered.status).toBe(200)
}

function killVictim() {
  const pid = cloud.workers.find(({ name }) => name === 'victim')?.pid()
  if (!pid) throw new Error('the victim does not run')
  process.kill(pid, 'SIGKILL')
  writeFileSync(killed, '')
}

function assertIncidents(seen: EventBody[], idOf: (key: string) => string | undefined) {
  const of = (key: string, type: string) =>
    seen.filter((event) => event.type === type && event.task_id === idOf(key)).map(({ data }) => data)
  const happened = (key: string, type: string, data: object) =>
    expect(of(key, type), `${key} ${type}`).toContainEqual(expect.objectContaining(data))
  happened('long', 'task.lost', { attempt: 1, checkpoint: expect.any(Number) })
  happened('flaky', 'task.failed', { code: 'check_failed', final: false })
  for (const key of ['asks', 'publish']) {
    happened(key, 'approval.requested', {})
    happened(key, 'approval.answered', {})
  }
  expect(of('join', 'context.conflicted')).toMatchObject([{ key: 'findings' }])
  expect(JSON.stringify(of('join', 'context.conflicted'))).toMatch(/sqlite.*postgres|postgres.*sqlite/)
  happened('join', 'task.blocked', { reason: 'merge_conflict', merge: 'merge-1', files: ['beta.js'] })
  expect(of('join', 'task.blocked')).toHaveLength(1)
  for (const key of [...tasks.map(({ key }) => key), 'merge-1', 'integrate'])
    expect(of(key, 'task.completed'), key).toHaveLength(1)
  for (const key of ['long', 'flaky', 'join'])
    expect(of(key, 'task.completed')[0]?.attempt, key).toBeGreaterThan(1)
}
