import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { type LocalOptions, startLocal } from '#local/cloud'
import type { WorkerPlan } from '#local/supervisor'
import { testDatabase } from '../database.ts'
import { apiClient, scripted } from '../e2e/client.ts'
import { freePort } from '../port.ts'
import { openBrowser } from './browser.ts'

/**
 * The whole product in this process, the page as it is served, agents with the rehearsal model, and a browser.
 * `again` ends the product and brings it up at the same addresses, with the same data.
 */
export async function openHouse(workers: readonly WorkerPlan[], env: NodeJS.ProcessEnv = {}) {
  const data = mkdtempSync(join(tmpdir(), 'orchestrator-web-'))
  const { url } = await testDatabase()
  const options: LocalOptions = {
    data,
    ports: await portsToKeep(),
    env: { ...process.env, ...env, DATABASE_URL: url },
    workers,
    model: 'rehearsal',
    dashboard: true,
    write: () => {},
  }
  let cloud = await startLocal(options)
  const browser = await openBrowser(cloud.dashboard ?? '')
  return {
    data,
    api: apiClient(cloud),
    key: cloud.key,
    apiUrl: cloud.api,
    page: cloud.dashboard ?? '',
    visit: browser.visit,
    end: () => cloud.stop(),
    async again() {
      // What the functions hold open in this process is of the same addresses.
      cloud = await startLocal(options)
    },
    async close() {
      await browser.close()
      await cloud.stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}
export type House = Awaited<ReturnType<typeof openHouse>>

const portsToKeep = async () => ({
  gateway: await freePort(),
  dashboard: await freePort(),
  postgres: await freePort(),
  redis: await freePort(),
  sqs: await freePort(),
  dynamodb: await freePort(),
  model: await freePort(),
})

/** What an agent is told to do by a script: one tool, used once. */
export const use = (name: string, args: object) => ({ text: `I use ${name}.`, tools: [{ name, args }] })
export const bash = (command: string) => use('bash', { command, description: 'a step' })
export const write = (filePath: string) => use('write', { filePath, content: `${filePath}\n` })
export const done = { text: 'Done.' }
/** Goes on once the file is there: a story says when. */
export const until = (file: string) => bash(`until [ -e '${file}' ]; do sleep 0.1; done`)
/** A task whose rehearsal is turned by knobs. */
export const told = (key: string, knobs: object, more: object = {}) => ({
  ...scripted(key, [], more),
  instruction: `Do it. <<rehearsal ${JSON.stringify(knobs)} >>`,
})

const Whole = z.object({
  state: z.string(),
  version: z.number(),
  checkpoint_number: z.number(),
  tasks: z.object({ completed: z.number(), total: z.number() }),
  usage: z.object({ input_tokens: z.number(), output_tokens: z.number(), reasoning_tokens: z.number() }),
  parent: z.object({ session_id: z.string(), checkpoint: z.number() }).nullable(),
})

/** A session as the API has it, for what the page shows of it to be compared with. */
export async function wholeOf(api: House['api'], id: string) {
  return Whole.parse(await (await api.call('GET', `/sessions/${id}`)).json())
}

/** One field of every item that a list of the API answers, in its order. */
export async function fieldOf(api: House['api'], path: string, field: string) {
  return (await api.items(path)).items.map((item) => item[field])
}
