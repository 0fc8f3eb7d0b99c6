import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { configFromEnv, modelFromEnv } from './config.ts'

test('the rehearsal model is used only when it is named', () => {
  expect(modelFromEnv({ REHEARSAL_MODEL_URL: 'http://x/v1' })).toEqual({
    kind: 'rehearsal',
    url: 'http://x/v1',
  })
  expect(() => modelFromEnv({ HOME: '/nowhere' })).toThrow(/There is no model.*ANTHROPIC_API_KEY/)
})

test('a provider key gives a real model, MODEL chooses which, and no other variable goes along', () => {
  const env = { ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'b', HOME: '/nowhere' }
  expect(modelFromEnv(env)).toMatchObject({ provider: 'anthropic', env: { ANTHROPIC_API_KEY: 'a' } })
  const chosen = modelFromEnv({ ...env, MODEL: 'openai/gpt-5-mini' })
  expect(chosen).toEqual({
    kind: 'provider',
    provider: 'openai',
    model: 'gpt-5-mini',
    env: { OPENAI_API_KEY: 'b' },
  })
  expect(() => modelFromEnv({ ...env, MODEL: 'gpt' })).toThrow('provider/model')
})

test('a sign-in of OpenCode is used when there is no key', async () => {
  const data = await mkdtemp(join(tmpdir(), 'sign-in-'))
  await mkdir(join(data, 'opencode'))
  await writeFile(
    join(data, 'opencode', 'auth.json'),
    JSON.stringify({ anthropic: { type: 'oauth', refresh: 'x' } }),
  )
  expect(modelFromEnv({ XDG_DATA_HOME: data })).toMatchObject({
    kind: 'sign_in',
    provider: 'anthropic',
    oauth: true,
  })
  await rm(data, { recursive: true })
})

test('what is wrong is named', () => {
  expect(() => configFromEnv({ REHEARSAL_MODEL_URL: 'x', AGENT_CAPACITY: '99' })).toThrow('AGENT_CAPACITY')
})

test('lists are split and empty values are defaults', () => {
  const config = configFromEnv({
    REHEARSAL_MODEL_URL: 'x',
    AGENT_LABELS: 'gpu, eu',
    AGENT_CAPABILITIES: '',
    AGENT_NAME: 'n',
  })
  expect(config).toMatchObject({ labels: ['gpu', 'eu'], capacity: 2, name: 'n' })
  expect(config.capabilities).toContain('PLANNING')
})

test('a key may come in a file, as containers are handed it', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'key-')), 'local-key')
  const env = { REHEARSAL_MODEL_URL: 'x', ORCHESTRATOR_API_KEY_FILE: file }
  expect(() => configFromEnv(env)).toThrow(`ORCHESTRATOR_API_KEY_FILE: there is no ${file}`)
  await writeFile(file, 'oio_kept\n')
  expect(configFromEnv(env).apiKey).toBe('oio_kept')
  expect(configFromEnv({ ...env, ORCHESTRATOR_API_KEY: 'oio_given' }).apiKey).toBe('oio_given')
  await rm(dirname(file), { recursive: true })
})
