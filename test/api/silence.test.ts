import { expect, test } from 'vitest'
import * as z from 'zod'
import { goal, openApi } from './open.ts'

const { call, lines, plant } = await openApi()
const sessions = '/api/v1/sessions'
const secret = 'hunter2-sk-ant-0123456789'

test('no prompt, message, value, query or refused body is in a line of the log', async () => {
  const made = await call('POST', sessions, { body: { ...goal, prompt: `Use ${secret}`, start: true } })
  const { id } = z.looseObject({ id: z.string() }).parse(made.json)
  await call('POST', `${sessions}/${id}/messages`, { body: { text: secret } })
  await call('PUT', '/api/v1/contexts/GLOBAL/-/token', { body: { value: secret } })
  await call('GET', `${sessions}?q=${secret}`)
  await call('POST', sessions, { body: { [secret]: secret } })
  await call('POST', sessions, { raw: `{"title": ${secret}` })
  await call('GET', sessions, { token: `oio_${secret}_x` })
  await plant.settle()
  expect(lines.filter(({ event }) => event === 'request_completed').length).toBe(7)
  expect(JSON.stringify(lines)).not.toContain(secret)
})
