import { expect, test } from 'vitest'
import { readConfig } from './config.ts'

const env = {
  DATABASE_URL: 'postgres://localhost/x',
  REDIS_URL: 'redis://localhost',
  QUEUE_STEPS_URL: 'http://localhost/steps',
  QUEUE_BROADCAST_URL: 'http://localhost/broadcast',
  TABLE_CONNECTIONS: 'connections',
  TABLE_SUBSCRIPTIONS: 'subscriptions',
  TABLE_TICKETS: 'tickets',
  SOCKET_ENDPOINT: 'http://localhost',
  ARTIFACT_STORE_URL: 's3://bucket',
  PUBLIC_API_URL: 'http://localhost/api/v1',
  PUBLIC_SOCKET_URL: 'ws://localhost',
}

test('what may be left out has its usual value', () => {
  expect(readConfig(env)).toMatchObject({
    ...{ database_pool: 2, presence_ms: 30_000, artifact_secret: '' },
    ...{ queue_steps_dead_url: undefined, metrics_stage: undefined },
    dashboard_origins: ['http://localhost:3000', 'http://127.0.0.1:3000'],
  })
})

test('every variable at fault is named at once, and no value is told', () => {
  const { REDIS_URL: _, ...rest } = env
  const wrong = { ...rest, DATABASE_POOL: '51', QUEUE_STEPS_URL: 'secret', PRESENCE_MS: 'soon' }
  expect(() => readConfig(wrong)).toThrow(
    [
      'The environment is incomplete:',
      '  DATABASE_POOL: must be a whole number, 1 or more, at most 50',
      '  REDIS_URL: must be set',
      '  QUEUE_STEPS_URL: must be a URL',
      '  PRESENCE_MS: must be a whole number, 100 or more',
    ].join('\n'),
  )
})
