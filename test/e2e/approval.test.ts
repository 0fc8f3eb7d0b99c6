import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as z from 'zod'
import { anyPorts, type LocalCloud, startLocal } from '#local/cloud'
import { testDatabase } from '../database.ts'
import { hear } from '../hear.ts'
import { apiClient, git, makeRepository, scripted } from './client.ts'

/** The whole product in this process with one agent: real OpenCode, the rehearsal model. */
let cloud: LocalCloud
let api: ReturnType<typeof apiClient>

const minute = 60_000

beforeAll(async () => {
  const { url } = await testDatabase()
  cloud = await startLocal({
    data: mkdtempSync(join(tmpdir(), 'orchestrator-approval-')),
    ports: anyPorts,
    env: { ...process.env, DATABASE_URL: url },
    workers: [{ name: 'builder', capabilities: ['CODE_GENERATION', 'INTEGRATION'], capacity: 1 }],
    model: 'rehearsal',
    write: hear,
  })
  api = apiClient(cloud)
})
afterAll(() => cloud?.stop())

const Asked = z.object({
  id: z.string(),
  kind: z.string(),
  asked: z.object({ command: z.string().nullish(), tool: z.string().optional() }),
})
type Asked = z.infer<typeof Asked>

const bash = (command: string) => ({
  text: `I run ${command}.`,
  tools: [{ name: 'bash', args: { command, description: 'a step' } }],
})

/** A person at the REST API: every approval that is asked for, answered as `how` says, until the session ends. */
async function answerAll(id: string, how: (asked: Asked) => object) {
  const seen: Asked[] = []
  for (let seq = 0; ; ) {
    const event = await api.until(
      id,
      ({ type }) => type === 'approval.requested' || /^session\.(completed|failed|stopped)$/.test(type),
      2 * minute,
      seq,
    )
    seq = event.seq
    if (event.type !== 'approval.requested') return seen
    const path = `/approvals/${String(event.data.approval_id)}`
    const asked = Asked.parse(await (await api.call('GET', path)).json())
    seen.push(asked)
    expect((await api.session(id)).waiting).toMatchObject({ reason: 'approval' })
    const answer = how(asked)
    expect((await api.post(path, answer)).status, JSON.stringify(answer)).toBe(200)
  }
}

it(
  'OpenCode asks before it acts, its questions and its subagents’ too; people answer by REST, and it goes on',
  async () => {
    const url = makeRepository()
    const child = [bash('echo child > child.txt'), { text: 'The child is done.' }]
    const subagent = {
      text: 'I hand this on.',
      tools: [
        {
          name: 'task',
          args: {
            description: 'a part of it',
            prompt: `Do as rehearsed. <<rehearsal ${JSON.stringify({ steps: child })} >>`,
            subagent_type: 'general',
          },
        },
      ],
    }
    const steps = [bash('echo yes > allowed.txt'), bash('echo no > denied.txt'), subagent, { text: 'Done.' }]
    const ask = { question: 'Which colour?', header: 'Colour', options: ['red', 'blue'] }
    const instruction = `Ask first. <<rehearsal ${JSON.stringify({ ask })} >>`
    const tasks = [scripted('steps', steps), { ...scripted('asks', []), instruction, depends_on: ['steps'] }]
    const rules = [
      { tool: 'edit', action: 'allow' },
      { tool: 'bash', pattern: 'git *', action: 'allow' },
    ]
    const { id } = await api.create({
      title: 'Asked for',
      prompt: 'Ask people.',
      repository: { url },
      plan: { summary: '', tasks },
      approval_policy: { mode: 'ask', rules },
      start: true,
    })
    const seen = await answerAll(id, ({ kind, asked }) => {
      if (kind === 'QUESTION') return { answer: 'reply', answers: [['blue']] }
      if (asked.command?.includes('denied')) return { answer: 'deny', text: 'Leave that out.' }
      return { answer: 'allow_once' }
    })
    expect(await api.session(id)).toMatchObject({ state: 'COMPLETED', failure: null })
    const commands = seen.map(({ asked }) => asked.command)
    expect(commands.slice(0, 3)).toEqual([
      'echo yes > allowed.txt',
      'echo no > denied.txt',
      'echo child > child.txt',
    ])
    expect(seen.filter(({ kind }) => kind === 'QUESTION')).toHaveLength(1)
    const files = git(url, 'ls-tree', '--name-only', `orchestrator/${id}`).split('\n')
    expect(files).toEqual(expect.arrayContaining(['allowed.txt', 'child.txt']))
    expect(files).not.toContain('denied.txt')
    const log = await api.text(`/sessions/${id}/log`)
    expect(log).toContain('Leave that out.')
    expect(log).toContain('Which colour? → blue')
    const { items } = await api.items(`/approvals?session_id=${id}`)
    expect(items.map(({ state }) => state)).toEqual(seen.map(() => 'ANSWERED'))
    expect(await api.verify(id)).toMatchObject({ valid: true })
  },
  4 * minute,
)

it(
  'a pause while a person is asked withdraws what was asked; resumed, it is asked anew',
  async () => {
    const url = makeRepository()
    const plan = { summary: '', tasks: [scripted('one', [bash('echo yes > asked.txt'), { text: 'Done.' }])] }
    const approval_policy = { mode: 'ask' }
    const { id } = await api.create({
      title: 'Paused',
      prompt: 'x',
      repository: { url },
      plan,
      approval_policy,
      start: true,
    })
    const first = await api.until(id, ({ type }) => type === 'approval.requested', minute)
    await api.post(`/sessions/${id}/pause`)
    const paused = await api.until(id, ({ type }) => type === 'session.paused', minute, first.seq)
    const { items } = await api.items(`/approvals?session_id=${id}`)
    expect(items.map(({ state }) => state)).toEqual(['WITHDRAWN'])
    await api.post(`/sessions/${id}/resume`)
    const again = await api.until(id, ({ type }) => type === 'approval.requested', minute, paused.seq)
    expect(again.data.approval_id).not.toBe(first.data.approval_id)
    const answer = await api.post(`/approvals/${String(again.data.approval_id)}`, { answer: 'allow_always' })
    expect(answer.status).toBe(200)
    expect((await api.ended(id, 2 * minute)).state).toBe('COMPLETED')
    expect(git(url, 'show', `orchestrator/${id}:asked.txt`)).toBe('yes')
  },
  4 * minute,
)

it(
  'of three commands of one step two may be denied: the third runs, and the turn goes on',
  async () => {
    const url = makeRepository()
    const tools = ['a', 'b', 'd'].flatMap((name) => bash(`echo ${name} > ${name}.txt`).tools)
    const plan = { summary: '', tasks: [scripted('one', [{ text: 'Three.', tools }, { text: 'Done.' }])] }
    const rules = [{ tool: 'edit', action: 'allow' }]
    const approval_policy = { mode: 'ask', rules }
    const { id } = await api.create({
      title: 'Three',
      prompt: 'x',
      repository: { url },
      plan,
      approval_policy,
      start: true,
    })
    await answerAll(id, ({ asked }) =>
      asked.command && /[ab]\.txt/.test(asked.command) ? { answer: 'deny' } : { answer: 'allow_once' },
    )
    expect((await api.session(id)).state).toBe('COMPLETED')
    const files = git(url, 'ls-tree', '--name-only', `orchestrator/${id}`).split('\n')
    expect(files).toContain('d.txt')
    expect(files).not.toContain('a.txt')
    expect(files).not.toContain('b.txt')
    const { items } = await api.items(`/approvals?session_id=${id}&state=WITHDRAWN`)
    expect(items).toEqual([])
  },
  4 * minute,
)
