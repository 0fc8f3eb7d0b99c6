import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { testDatabase } from '../database.ts'
import { freePort } from '../port.ts'
import { apiClient, git, makeRepository, scripted } from './client.ts'

const minute = 60_000
const root = join(import.meta.dirname, '../..')
let running: ChildProcess | null = null

/** `npm start`'s own command, until it says that it is up. */
async function start(data: string, port: number, database: string) {
  const args = [
    '--import',
    'tsx',
    'local/start.ts',
    '--data',
    data,
    '--port',
    String(port),
    '--model',
    'rehearsal',
    '--no-pretty',
  ]
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, DATABASE_URL: database },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running = child
  await new Promise<void>((resolve, reject) => {
    let seen = ''
    child.stdout.on('data', (chunk: Buffer) => {
      seen = `${seen}${chunk}`.slice(-20_000)
      if (seen.includes('local_cloud_started')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code}: ${seen}`)))
  })
  child.stdout.resume()
  return child
}

const gone = (child: ChildProcess) => new Promise((resolve) => child.once('exit', resolve))

afterAll(async () => {
  if (!running || running.exitCode !== null || running.signalCode !== null) return
  const ended = gone(running)
  running.kill('SIGTERM')
  await ended
})

it(
  'a session goes on after everything was killed and started again',
  async () => {
    const { url: database } = await testDatabase()
    const data = mkdtempSync(join(tmpdir(), 'orchestrator-restart-'))
    const port = await freePort()
    const url = makeRepository()

    const first = await start(data, port, database)
    const key = readFileSync(join(data, 'local-key'), 'utf8').trim()
    const api = apiClient({ api: `http://127.0.0.1:${port}/api/v1`, key })
    const write = (path: string) => ({
      text: path,
      tools: [{ name: 'write', args: { filePath: path, content: `${path}\n` } }],
    })
    const steps = [write('before.txt'), { delay_ms: 15_000, ...write('after.txt') }, { text: 'Done.' }]
    const plan = { summary: '', tasks: [scripted('long', steps)] }
    const { id } = await api.create({
      title: 'Restarted',
      prompt: 'x',
      repository: { url },
      plan,
      start: true,
    })
    await api.until(id, ({ type }) => type === 'checkpoint.created', minute)
    const died = gone(first)
    first.kill('SIGKILL')
    await died

    await start(data, port, database)
    const session = await api.ended(id, 2 * minute)
    expect(session.state).toBe('COMPLETED')
    const files = git(url, 'ls-tree', '--name-only', `orchestrator/${id}`).split('\n')
    expect(files).toEqual(expect.arrayContaining(['before.txt', 'after.txt']))
    expect(await api.verify(id)).toMatchObject({ valid: true })
  },
  5 * minute,
)
