import { expect, test } from 'vitest'
import { logger } from '#functions/log'
import { underRequest } from '#functions/request'
import { heard } from './hear.ts'
import { faultOf } from './lines.ts'

const good = {
  timestamp: '2026-11-22T12:00:00.000Z',
  level: 'info',
  event: 'session_started',
  logger: 'orchestrator.session',
}
const fault = (more: object, quiet?: string[]) => faultOf(JSON.stringify({ ...good, ...more }), quiet)

test('a line of the contract has no fault', () => {
  expect(
    fault({ request_id: 'req_1', session_id: 'ses_01M82KYXRM67S30G0RNQ8YY85K', duration_ms: 3 }),
  ).toBeNull()
})

test.each([
  ['prose', 'Listening on port 8000'],
  ['an event that is in no list', JSON.stringify({ ...good, event: 'session_begun' })],
  ['another clock', JSON.stringify({ ...good, timestamp: 'today' })],
  ['an id that is none', JSON.stringify({ ...good, session_id: 'ses_1' })],
  ['a prompt by name', JSON.stringify({ ...good, prompt: 'Do it.' })],
  ['a token by name', JSON.stringify({ ...good, agent_token: 'x' })],
  ['a bearer', JSON.stringify({ ...good, reason: 'refused Bearer abc' })],
  ['an agent’s token', JSON.stringify({ ...good, reason: 'oio_agent_000_abc' })],
  ['a password in an address', JSON.stringify({ ...good, reason: 'postgres://me:pass@host/db' })],
  ['a field that is no name', JSON.stringify({ ...good, requestId: 'a' })],
])('%s is a fault', (_what, line) => {
  expect(faultOf(line)).not.toBeNull()
})

test('what a test wants kept quiet is a fault wherever it stands', () => {
  expect(fault({ reason: 'cannot: Reach it.' }, ['Reach it.'])).toContain('Reach it.')
})

test('what a function logs is heard, with the request that it belongs to', async () => {
  await underRequest('req_heard', async () => logger('api').debug('request_completed', { status: 200 }))
  expect(JSON.parse(heard.at(-1) ?? '{}')).toMatchObject({
    ...{ level: 'debug', event: 'request_completed', logger: 'orchestrator.api' },
    ...{ request_id: 'req_heard', status: 200 },
  })
})
