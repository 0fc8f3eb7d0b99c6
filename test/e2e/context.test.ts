import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as z from 'zod'
import { anyPorts, type LocalCloud, startLocal, usualWorkers } from '#local/cloud'
import { testDatabase } from '../database.ts'
import { hear } from '../hear.ts'
import { apiClient, makeRepository, scripted } from './client.ts'

/** The whole product in this process: real OpenCode, the rehearsal model. */
let cloud: LocalCloud
let api: ReturnType<typeof apiClient>

const minute = 60_000

beforeAll(async () => {
  const { url } = await testDatabase()
  cloud = await startLocal({
    data: mkdtempSync(join(tmpdir(), 'orchestrator-context-')),
    ports: anyPorts,
    env: { ...process.env, DATABASE_URL: url },
    workers: usualWorkers,
    model: 'rehearsal',
    write: hear,
  })
  api = apiClient(cloud)
})
afterAll(() => cloud?.stop())

const use = (tool: string, args: object) => ({ tools: [{ name: `orchestrator_context_${tool}`, args }] })
const Entry = z.object({ value: z.unknown(), version: z.number(), author: z.string() })

it(
  'agents that OpenCode drives share memory: one writes, the next reads, merges and is told its errors',
  async () => {
    const plan = {
      summary: 'One tells the other.',
      tasks: [
        scripted('tell', [
          use('put', { key: 'findings.db', value: { engine: 'sqlite', seen: ['tell'] } }),
          use('put', {
            key: 'findings.db',
            value: { engine: 'sqlite', seen: ['tell', 'again'] },
            version: 1,
          }),
          { text: 'Told.' },
        ]),
        scripted(
          'hear',
          [
            use('list', { prefix: 'findings' }),
            use('get', { key: 'findings.db' }),
            use('put', {
              key: 'findings.db',
              value: { engine: 'postgres', seen: ['tell', 'hear'] },
              version: 1,
            }),
            use('put', { key: 'not a key', value: 1 }),
            use('get', { key: 'findings.none' }),
            use('put', { key: 'mine', value: true, scope: 'TASK' }),
            { text: 'Heard.' },
          ],
          { depends_on: ['tell'] },
        ),
      ],
    }
    const { id } = await api.create({
      title: 'Share',
      prompt: 'Share what you find.',
      repository: { url: makeRepository() },
      plan,
      start: true,
    })
    expect(await api.ended(id, 2 * minute)).toMatchObject({ state: 'COMPLETED' })
    const entry = Entry.parse(await (await api.call('GET', `/contexts/SESSION/${id}/findings.db`)).json())
    expect(entry).toMatchObject({
      value: { engine: 'postgres', seen: ['tell', 'again', 'hear'] },
      version: 3,
      author: expect.stringMatching(/^agt_/),
    })
    const { items } = await api.events(id, 0)
    const updated = items.filter(({ type }) => type === 'context.updated')
    expect(updated.map(({ data }) => [data.key, data.version, data.merged])).toEqual([
      ['findings.db', 1, false],
      ['findings.db', 2, false],
      ['findings.db', 3, true],
      ['mine', 1, false],
    ])
    const said = items.filter(({ type, data }) => type === 'log' && data.stream === 'tool')
    const tools = said.map(({ data }) => JSON.stringify(data))
    expect(tools.some((line) => line.includes('orchestrator_context_list'))).toBe(true)
    const log = await api.text(`/sessions/${id}/log`)
    expect(log).toMatch(/words of letters, digits/)
    expect(log).toMatch(/There is no context entry in TASK .*findings\.none/)
  },
  3 * minute,
)
