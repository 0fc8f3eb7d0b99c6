import { afterEach, expect, test } from 'vitest'
import { changedCheckout, type Edit, evaluateStage } from './checkout.ts'

/** What must end the program itself, before anything is deployed. */

const removers: (() => void)[] = []
afterEach(() => {
  for (const remove of removers.splice(0)) remove()
})

const evaluateChanged = (...edits: Edit[]) => {
  const { root, remove } = changedCheckout(edits)
  removers.push(remove)
  return evaluateStage('dev', { root })
}

test('a deployment without the admin key is refused, with the command that sets it', async () => {
  await expect(evaluateStage('dev', { admin_key: null })).rejects.toThrow(
    'Set a value for AdminKey with `sst secret set AdminKey <value>`',
  )
})

test('an admin key that can be guessed is refused', async () => {
  await expect(evaluateStage('dev', { admin_key: 'admin' })).rejects.toThrow('AdminKey is no key')
})

const handler = "handler: 'functions/sweep/handler.handler'"
test('a handler that is not there is refused', async () => {
  const to = "handler: 'functions/swept/handler.handler'"
  await expect(evaluateChanged({ file: 'infra/wiring.ts', from: handler, to })).rejects.toThrow(
    'Handler not found: functions/swept/handler.handler',
  )
})

test('an export that is not there is refused', async () => {
  const to = "handler: 'functions/sweep/handler.main'"
  await expect(evaluateChanged({ file: 'infra/wiring.ts', from: handler, to })).rejects.toThrow(
    'functions/sweep/handler exports no main',
  )
})

test('two components of one name are refused', async () => {
  const edit = {
    file: 'infra/schedule.ts',
    from: 'CronV2(`',
    to: "CronV2('Site' || `",
  }
  await expect(evaluateChanged(edit)).rejects.toThrow('Site is not unique')
})

test('an import that cannot be resolved is refused', async () => {
  const edit = { file: 'infra/main.ts', from: './redis.ts', to: './rediss.ts' }
  await expect(evaluateChanged(edit)).rejects.toThrow('Could not resolve')
})

test('a dashboard that was not built is refused', async () => {
  const edit = { file: 'infra/site.ts', from: 'dist/site', to: 'dist/nothing' }
  await expect(evaluateChanged(edit)).rejects.toThrow('No build output found')
})
