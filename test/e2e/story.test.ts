import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { anyPorts, type LocalCloud, startLocal, usualWorkers } from '#local/cloud'
import { testDatabase } from '../database.ts'
import { hear, heard } from '../hear.ts'
import { apiClient, type EventBody, git, makeRepository, scripted } from './client.ts'

/** The whole product in this process: real OpenCode, the rehearsal model, three workers. */
let cloud: LocalCloud
let api: ReturnType<typeof apiClient>
const lines: string[] = []

const minute = 60_000

beforeAll(async () => {
  const { url } = await testDatabase()
  cloud = await startLocal({
    data: mkdtempSync(join(tmpdir(), 'orchestrator-story-')),
    ports: anyPorts,
    env: { ...process.env, DATABASE_URL: url },
    workers: usualWorkers,
    model: 'rehearsal',
    write(line) {
      lines.push(line)
      hear(line)
    },
  })
  api = apiClient(cloud)
})
afterAll(() => cloud?.stop())

const Line = z.looseObject({
  event: z.string(),
  logger: z.string(),
  request_id: z.string().optional(),
  session_id: z.string().optional(),
})

/** Who wrote lines of the request that each attempt of a session came of. */
function whoFollowed(id: string) {
  const all = heard.map((line) => Line.parse(JSON.parse(line)))
  const begun = all.filter(({ event, session_id }) => event === 'attempt_started' && session_id === id)
  return begun.map((attempt) => {
    const same = all.filter(({ request_id }) => request_id !== undefined && request_id === attempt.request_id)
    return [...new Set(same.map(({ logger }) => logger))].sort()
  })
}

describe('a goal and a repository', () => {
  it(
    'become a pushed branch with commits that OpenCode made',
    async () => {
      const url = makeRepository()
      const { id } = await api.create({
        title: 'Add a changelog',
        prompt: 'Write a CHANGELOG.md from the git history.',
        repository: { url },
        start: true,
      })
      const session = await api.ended(id, 3 * minute)
      expect(session).toMatchObject({ state: 'COMPLETED', failure: null, rehearsal: true })
      expect(session.result).toMatchObject({ branch: `orchestrator/${id}`, push_reason: null })
      expect(git(url, 'rev-parse', `orchestrator/${id}`)).toBe(session.result?.commit)
      expect(Number(git(url, 'rev-list', '--count', `main..orchestrator/${id}`))).toBeGreaterThan(1)
      expect(session.usage.input_tokens).toBeGreaterThan(0)
      expect(await api.text(`/sessions/${id}/diff`)).toContain('diff --git')
      expect(await api.text(`/sessions/${id}/log`)).toContain('rehearsal')
      const { items } = await api.items(`/sessions/${id}/checkpoints?limit=100`)
      expect(items.map(({ trigger }) => trigger)).toEqual(
        expect.arrayContaining(['TASK_COMPLETED', 'PLAN_ACCEPTED']),
      )
      expect(await api.verify(id)).toMatchObject({ valid: true })
      // From the call that made it possible, over the step that handed it out, to the agent that took it.
      expect(whoFollowed(id)).toContainEqual([
        ...['orchestrator.api', 'orchestrator.session', 'orchestrator.step', 'orchestrator.worker'],
      ])
    },
    4 * minute,
  )

  it(
    'whose agent is killed in the middle go on elsewhere from the last checkpoint',
    async () => {
      const url = makeRepository()
      const write = (path: string) => ({
        text: path,
        tools: [{ name: 'write', args: { filePath: path, content: `${path}\n` } }],
      })
      const slow = {
        delay_ms: 20_000,
        text: 'Still at it.',
        tools: [{ name: 'bash', args: { command: 'git status --short', description: 'look' } }],
      }
      const steps = [write('first.txt'), write('second.txt'), slow, { text: 'Done.' }]
      const plan = { summary: 'One task.', tasks: [scripted('long', steps)] }
      const { id } = await api.create({
        title: 'A long task',
        prompt: 'Take long.',
        repository: { url },
        plan,
        start: true,
      })
      const running = await api.until(id, ({ type }) => type === 'task.running', minute)
      // Two files are written, and a checkpoint after the second holds both.
      const written = ({ type, data }: EventBody) =>
        type === 'log' && data.tool === 'write' && data.status === 'completed'
      const first = await api.until(id, written, minute)
      const second = await api.until(id, written, minute, first.seq)
      await api.until(id, ({ type }) => type === 'checkpoint.created', minute, second.seq)
      const { items } = await api.items('/agents')
      const holder = items.find((agent) => agent.id === running.agent_id)
      const worker = cloud.workers.find(({ name }) => name === holder?.name)
      const pid = worker?.pid()
      if (!pid) throw new Error(`no process of ${holder?.name}`)
      process.kill(pid, 'SIGKILL')
      const killed = Date.now()
      const again = await api.until(
        id,
        ({ type, seq }) => type === 'task.running' && seq > running.seq,
        minute,
      )
      expect(Date.now() - killed).toBeLessThan(minute)
      expect(again.data).toMatchObject({ attempt: 2 })
      const session = await api.ended(id, 2 * minute)
      expect(session.state).toBe('COMPLETED')
      const files = git(url, 'ls-tree', '--name-only', `orchestrator/${id}`).split('\n')
      expect(files).toEqual(expect.arrayContaining(['first.txt', 'second.txt', 'alpha.js']))
    },
    4 * minute,
  )

  it(
    'whose task turns out to be several is done by several, and what depends on it has the work of all',
    async () => {
      const url = makeRepository()
      const part = (key: string, depends_on: string[] = []) => ({
        key,
        title: `Do ${key}`,
        instruction: `Write ${key}.`,
        capability: 'CODE_GENERATION',
        depends_on,
      })
      const add = (...tasks: object[]) => ({
        tools: [{ name: 'orchestrator_subtask_add', args: { tasks } }],
      })
      const frame = { name: 'write', args: { filePath: 'frame.txt', content: 'frame\n' } }
      const steps = [
        add(part('left', ['frame'])),
        add(part('left'), part('right', ['left'])),
        { tools: [frame] },
        { text: 'Done.' },
      ]
      const all = 'test -s frame.txt && test -s rehearsal/left.md && test -s rehearsal/right.md'
      const checks = [{ command: all, timeout_seconds: 10 }]
      const use = scripted('use', [{ text: 'Done.' }], { depends_on: ['frame'], checks })
      const plan = { summary: 'One that is three.', tasks: [scripted('frame', steps), use] }
      const { id } = await api.create({
        title: 'Divided',
        prompt: 'x',
        repository: { url },
        plan,
        start: true,
      })
      const waits = await api.until(id, ({ type }) => type === 'task.waiting_children', 2 * minute)
      const session = await api.ended(id, 4 * minute)
      expect(session).toMatchObject({ state: 'COMPLETED', failure: null })
      const log = await api.text(`/sessions/${id}/log?limit=1000`)
      expect(log).toMatch(/circle: frame, left/)
      const { items } = await api.items(`/sessions/${id}/tasks`)
      const [top] = items
      expect(items.map(({ key, state }) => `${key} ${state}`)).toEqual([
        'frame COMPLETED',
        'left COMPLETED',
        'right COMPLETED',
        'use COMPLETED',
        'integrate COMPLETED',
      ])
      expect(top).toMatchObject({ id: waits.task_id, attempt: 1, progress: { done: 2, total: 2 } })
      const files = git(url, 'ls-tree', '-r', '--name-only', `orchestrator/${id}`).split('\n')
      expect(files).toEqual(
        expect.arrayContaining(['frame.txt', 'rehearsal/left.md', 'rehearsal/right.md', 'alpha.js']),
      )
      expect(await api.verify(id)).toMatchObject({ valid: true })
    },
    7 * minute,
  )

  it(
    'whose queue is purged complete all the same',
    async () => {
      const url = makeRepository()
      const plan = {
        summary: 'Two tasks.',
        tasks: [
          scripted('one', [{ text: 'Done.' }]),
          scripted('two', [{ text: 'Done.' }], { depends_on: ['one'] }),
        ],
      }
      const { id } = await api.create({ title: 'Purged', prompt: 'Survive.', repository: { url }, plan })
      const queue = cloud.environment.QUEUE_STEPS_URL ?? ''
      const { PurgeQueueCommand, SQSClient } = await import('@aws-sdk/client-sqs')
      const client = new SQSClient({})
      expect((await api.post(`/sessions/${id}/start`)).status).toBe(200)
      await client.send(new PurgeQueueCommand({ QueueUrl: queue }))
      client.destroy()
      await cloud.invoke('sweep', {})
      expect((await api.ended(id, 2 * minute)).state).toBe('COMPLETED')
    },
    3 * minute,
  )

  it(
    'that cannot be reached fail with words that say what to do',
    async () => {
      const { id } = await api.create({
        title: 'Nowhere',
        prompt: 'x',
        repository: { url: '/nowhere/at/all' },
        start: true,
      })
      const session = await api.ended(id, minute)
      expect(session).toMatchObject({ state: 'FAILED', failure: { code: 'repository_unavailable' } })
      expect(session.failure?.message).toMatch(/address, branch or access/)
    },
    2 * minute,
  )

  it(
    'stop when asked, and go on when retried',
    async () => {
      const url = makeRepository()
      const steps = [{ text: 'A while.', delay_ms: 8_000 }, { text: 'Done.' }]
      const plan = { summary: '', tasks: [scripted('slow', steps)] }
      const { id } = await api.create({
        title: 'Stopped',
        prompt: 'x',
        repository: { url },
        plan,
        start: true,
      })
      await api.until(id, ({ type }) => type === 'task.running', minute)
      await api.post(`/sessions/${id}/stop`)
      expect((await api.ended(id, minute)).state).toBe('STOPPED')
      const stopped = (await api.events(id, 0)).last_seq
      await api.post(`/sessions/${id}/retry`)
      await api.until(id, ({ type }) => type === 'session.completed', 2 * minute, stopped)
    },
    4 * minute,
  )
})
