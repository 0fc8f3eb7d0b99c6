import { describe, expect, test } from 'vitest'
import { workerEnvironment } from './environment.ts'
import { chooseModel } from './model-choice.ts'
import { readOptions, UsageError } from './options.ts'

describe('options', () => {
  test('a flag comes before the environment', () => {
    expect(readOptions([], { PORT: '9000' }).ports).toEqual({ gateway: 9000 })
    expect(readOptions(['--port', '9001', '--redis-port', '0'], { PORT: '9000' }).ports).toEqual({
      gateway: 9001,
      redis: 0,
    })
  })

  test('what is not understood is refused by name', () => {
    expect(() => readOptions(['--prot', '1'], {})).toThrow(UsageError)
    expect(() => readOptions(['--port', 'http'], {})).toThrow(/--port takes a port from 0 to 65535, not http/)
    expect(() => readOptions(['--model', 'big'], {})).toThrow(/--model takes/)
  })

  test('another address than the loopback is listened on only when it is named', () => {
    expect(readOptions([], {}).network).toBeUndefined()
    const env = { LISTEN_ON: '0.0.0.0', LISTEN_NAMES: 'orchestrator,plant' }
    expect(readOptions([], env).network).toEqual({ listenOn: '0.0.0.0', hosts: ['orchestrator', 'plant'] })
  })

  test('without workers there are none', () => {
    expect(readOptions(['--no-workers'], {}).workers).toEqual([])
    expect(readOptions([], {}).workers).toBeUndefined()
  })
})

describe('the model', () => {
  const home = { HOME: '/nonexistent' }

  test('is a real one when there is a key, else the rehearsal', () => {
    expect(chooseModel('auto', { ...home, OPENAI_API_KEY: 'k' }).rehearsal).toBe(false)
    expect(chooseModel('auto', { ...home, OPENAI_API_KEY: '' }).rehearsal).toBe(true)
    expect(chooseModel('rehearsal', { ...home, OPENAI_API_KEY: 'k' }).rehearsal).toBe(true)
    expect(() => chooseModel('own', home)).toThrow(/There is no model/)
  })
})

test('a worker is not told how to reach our stores, but keeps its own keys', () => {
  const shell = { AWS_ACCESS_KEY_ID: 'mine', DATABASE_URL: 'x', REDIS_URL: 'x', AWS_ENDPOINT_URL_SQS: 'x' }
  expect(workerEnvironment(shell, { api: 'http://api', key: 'oio_key', model: null })).toEqual({
    AWS_ACCESS_KEY_ID: 'mine',
    ORCHESTRATOR_API_URL: 'http://api',
    ORCHESTRATOR_API_KEY: 'oio_key',
  })
})
