import { afterAll, describe, expect, test } from 'vitest'
import { bareEnv, temporaryFolder } from './fixtures.ts'
import { isAlive, signal } from './process.ts'
import { superviseWorker } from './supervisor.ts'
import { waitFor } from './wait.ts'

const folder = temporaryFolder()
afterAll(folder.remove)

const script = `
  console.log(JSON.stringify({ name: process.env.AGENT_NAME, can: process.env.AGENT_CAPABILITIES, pid: process.pid }))
  process.on('SIGTERM', () => { if (process.env.STUBBORN === undefined) process.exit(0) })
  setInterval(() => {}, 1000)`

const supervise = (name: string, env: NodeJS.ProcessEnv = {}) => {
  const lines: string[] = []
  const supervisor = superviseWorker({
    worker: { name, capabilities: ['TESTING', 'DEBUGGING'], capacity: 2 },
    args: ['-e', script],
    env: { ...bareEnv, ...env },
    data: folder.path,
    log: () => {},
    onLine: (line) => lines.push(line),
    backoffMs: 10,
    graceMs: 300,
  })
  const said = (count: number) => waitFor('its line', 5_000, () => (lines.length >= count ? lines : null))
  return { supervisor, said }
}

describe('a supervised worker', () => {
  test('is told who it is, runs again after a kill, and ends when asked', async () => {
    const { supervisor, said } = supervise('one')
    const [first = ''] = await said(1)
    expect(JSON.parse(first)).toEqual({ name: 'one', can: 'TESTING,DEBUGGING', pid: supervisor.pid() })
    signal(supervisor.pid() ?? 0, 'SIGKILL')
    await said(2)
    expect(supervisor.restarts()).toBe(1)
    const pid = supervisor.pid() ?? 0
    await supervisor.stop()
    expect(isAlive(pid)).toBe(false)
  })

  test('is killed when it does not end in time', async () => {
    const { supervisor, said } = supervise('two', { STUBBORN: '1' })
    await said(1)
    const pid = supervisor.pid() ?? 0
    await supervisor.stop()
    expect(isAlive(pid)).toBe(false)
  })
})
