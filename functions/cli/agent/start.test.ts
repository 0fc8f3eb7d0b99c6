import { expect, test } from 'vitest'
import { playTerminal } from '../fixture/terminal.ts'
import { run } from '../run.ts'
import { workerEnvironment } from './start.ts'

test('a worker is told who it is, and has its own defaults for the rest', () => {
  const { terminal } = playTerminal({ cwd: '/here', env: { PATH: '/bin' } })
  const api = { base: 'http://localhost:1/api/v1', key: 'oio_key' }
  const options = {
    name: 'one',
    capabilities: ['TESTING', 'X'],
    capacity: 3,
    label: ['gpu', 'eu'],
    home: 'agents',
  }
  expect(workerEnvironment(terminal, api, options)).toEqual({
    PATH: '/bin',
    ORCHESTRATOR_API_URL: api.base,
    ORCHESTRATOR_API_KEY: api.key,
    AGENT_NAME: 'one',
    AGENT_CAPABILITIES: 'TESTING,X',
    AGENT_CAPACITY: '3',
    AGENT_LABELS: 'gpu,eu',
    AGENT_HOME: '/here/agents',
  })
  expect(workerEnvironment(terminal, api, {})).toMatchObject({
    PATH: '/bin',
    ORCHESTRATOR_API_URL: api.base,
    ORCHESTRATOR_API_KEY: api.key,
  })
})

test('a worker without a model is refused with what to set, before it starts', async () => {
  const { terminal, written } = playTerminal({ env: { HOME: '/nowhere' } })
  expect(
    await run(['--api', 'https://control.example/api/v1', 'agent', 'start', '--name', 'one'], terminal),
  ).toBe(2)
  expect(written.err).toContain('REHEARSAL_MODEL_URL')
})

test.each([
  ['--capacity', '65'],
  ['--capabilities', 'not a word'],
])('%s %s is bad usage', async (option, value) => {
  const { terminal } = playTerminal()
  expect(await run(['agent', 'start', option, value], terminal)).toBe(2)
})
